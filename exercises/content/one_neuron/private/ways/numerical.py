"""Another right way: the derivative of each step under its own name."""

import numpy as np


def neuron(w, b, x):
    return np.tanh(np.dot(x, w) + b)


def forward(w, b, x, target):
    y = neuron(w, b, x)
    error = y - target
    return np.float64(error * error / 2), y


def backward(w, b, x, target):
    y = neuron(w, b, x)
    loss_by_y = y - target
    y_by_a = (1 - y) * (1 + y)
    loss_by_a = loss_by_y * y_by_a
    gradients = {}
    gradients["dx"] = np.array(w) * loss_by_a
    gradients["dw"] = np.array(x) * loss_by_a
    gradients["db"] = loss_by_a
    gradients["da"] = loss_by_a
    return gradients

"""Another right way: loops, plain numbers, lists."""

import math


def forward(w, b, x, target):
    a = b
    for weight, value in zip(w, x):
        a += weight * value
    y = math.tanh(a)
    return [0.5 * (target - y) ** 2, y]


def backward(w, b, x, target):
    y = forward(w, b, x, target)[1]
    da = (y - target) / math.cosh(math.atanh(y)) ** 2
    return {"db": da, "dx": [da * weight for weight in w], "dw": [da * value for value in x]}

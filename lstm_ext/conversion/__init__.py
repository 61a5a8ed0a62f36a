"""Weights in and out: to PyTorch and Keras, and back."""

from .weights import load_keras, load_pytorch, save_pytorch, to_keras, to_pytorch

__all__ = ["load_keras", "load_pytorch", "save_pytorch", "to_keras", "to_pytorch"]

"""Networks put together from parts, each a plain class with ``forward`` and ``backward``.

=====================  ====================================================================
parts                  ``Embedding``, ``Recurrent``, ``Linear``, ``LayerNorm``, ``Dropout``, ``Tanh``, ``ReLU``,
                       ``Last``, ``Mean`` and ``Attention`` (pooling over time), ``Reader``
whole networks         ``Classifier``, ``Tagger``, ``Regressor``, ``DirectForecaster``,
                       ``AutoregressiveForecaster``, ``Seq2Seq``, ``LanguageModel``; ``Sequential``
losses                 ``cross_entropy``, ``mean_squared_error``
training               ``fit``, ``Optimizer``
data                   ``Batch``, ``pad``, ``WordVocabulary``, ``shuffled``, ``one_step_ahead``
files                  ``save``, ``load``, ``load_optimizer``, ``load_vocabulary``
insight                ``Trace``, which every network gives: ``model.trace(inputs, lengths)``
proof                  ``gradient_errors``
=====================  ====================================================================

Layout is time-major, (T, B, …); symbols are integers; ``lengths`` (B,) says how many steps of each sequence
count, and what stands after them never changes an output. A network of one's own says in which
order its parts run, and, backwards, their gradients. A bidirectional tagger, ready and trained:

    class BiLSTMTagger(nn.Model):
        def __init__(self, num_words, num_tags):
            self.embedding = nn.Embedding(num_words, 32)
            self.rnn = nn.Recurrent("lstm", 32, 64, bidirectional=True)
            self.output = nn.Linear(128, num_tags)
        def forward(self, words, lengths):
            return self.output.forward(self.rnn.forward(self.embedding.forward(words), lengths))
        def backward(self, dlogits):
            self.embedding.backward(self.rnn.backward(self.output.backward(dlogits)))
    nn.fit(model := BiLSTMTagger(num_words, num_tags).build(seed=0), batches, steps=200)

where each of ``batches`` is (words (T, B), lengths (B,), tags (T, B)), tags −1 in padding. ``build``
makes all weights, as views of one flat array that one optimizer step updates, on either engine.
(``nn.Tagger(num_words, 64, num_tags, embedding_size=32, bidirectional=True)`` is the same network, ready made.)
"""

from __future__ import annotations

from ..data.batch import Batch
from ..data.padding import pad
from ..data.words import WordVocabulary
from .dropout import Dropout
from .embedding import Embedding
from .forecasting import AutoregressiveForecaster, DirectForecaster, one_step_ahead
from .gradcheck import gradient_errors
from .language_model import LanguageModel
from .layer_norm import LayerNorm
from .linear import Linear
from .losses import cross_entropy, mean_squared_error
from .model import Model
from .models import Classifier, Reader, Regressor, Tagger
from .module import Module
from .noise import Noise
from .nonlinear import ReLU, Tanh
from .optimizer import Optimizer
from .pooling import Attention, Last, Mean
from .recurrent import Recurrent, RecurrentLayer
from .saving import load, load_optimizer, load_vocabulary, save
from .seq2seq import Seq2Seq
from .sequential import Sequential
from .trace import TextTrace, Trace
from .training import FitResult, Progress, fit, shuffled

__all__ = [
    "Attention",
    "AutoregressiveForecaster",
    "Batch",
    "Classifier",
    "DirectForecaster",
    "Dropout",
    "Embedding",
    "FitResult",
    "LanguageModel",
    "Last",
    "LayerNorm",
    "Linear",
    "Mean",
    "Model",
    "Module",
    "Noise",
    "Optimizer",
    "Progress",
    "ReLU",
    "Reader",
    "Recurrent",
    "RecurrentLayer",
    "Regressor",
    "Seq2Seq",
    "Sequential",
    "Tagger",
    "Tanh",
    "TextTrace",
    "Trace",
    "WordVocabulary",
    "cross_entropy",
    "fit",
    "gradient_errors",
    "load",
    "load_optimizer",
    "load_vocabulary",
    "mean_squared_error",
    "one_step_ahead",
    "pad",
    "save",
    "shuffled",
]

"""``python -m lstm_lab``, the same as ``lstm-lab``."""

import sys

from .cli import main

sys.exit(main())

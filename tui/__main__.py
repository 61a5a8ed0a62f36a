"""``python -m lstm_lab``, the same as ``lstm-lab``."""

import sys

from .cli.main import main

sys.exit(main())

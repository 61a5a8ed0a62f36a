"""``python -m lstm_ext`` says what to type: the library knows nothing of the terminal, so it cannot run the program."""

import sys

if __name__ == "__main__":
    print("lstm_ext is the library; the program is `lstm-lab`, or `python -m lstm_lab`", file=sys.stderr)
    sys.exit(2)

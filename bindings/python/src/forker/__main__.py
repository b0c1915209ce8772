"""``python3 -m forker``: see :mod:`forker.cli`."""

import sys

from .cli import main

sys.exit(main())

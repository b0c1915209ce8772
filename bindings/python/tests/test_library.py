"""Names are those of forker.h, and a library that is not there is a clear error."""

import os
import subprocess
import sys
import unittest

import forker
from forker import _header, _library, stats


class NamesTest(unittest.TestCase):
    def test_names_of_figures_are_those_of_the_header(self):
        for kind, names in (("PHASE", stats.PHASES), ("WORKER", stats.STATES), ("EXIT", stats.EXIT_REASONS), ("HANDSHAKE", stats.HANDSHAKE_ENDS)):
            lengths = ("EXIT_REASONS", "HANDSHAKE_ENDS")
            numbers = {name: number for name, number in vars(_header).items() if name.startswith(f"{kind}_") and name not in lengths}
            self.assertEqual({name.partition("_")[2].lower(): number for name, number in numbers.items()}, {name: i for i, name in enumerate(names) if i >= min(numbers.values())})


class LoadingTest(unittest.TestCase):
    def import_with(self, library):
        environment = {**os.environ, "FORKER_LIBRARY": library, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", "import forker"], env=environment, capture_output=True, text=True, timeout=30
        )
        self.assertEqual(done.returncode, 1)
        return done.stderr.splitlines()[-1]

    def test_a_library_that_is_not_there(self):
        last = self.import_with("/nonexistent/libforker.so.0")
        self.assertRegex(last, "^ImportError: .*/nonexistent/libforker.so.0.*FORKER_LIBRARY")

    def test_a_library_that_is_another(self):
        last = self.import_with("libc.so.6")
        self.assertRegex(last, "^ImportError: libc.so.6 is not the libforker .*: it has no forker_")

    def test_text_with_nul_is_refused(self):
        with self.assertRaises(ValueError):
            _library.c_text("a\0b")

    def test_version(self):
        self.assertEqual(forker.version(), forker.__version__)


if __name__ == "__main__":
    unittest.main()

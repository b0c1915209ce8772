"""Runs all tests, and lists those that were skipped, with their reasons: python3 tests."""

import pathlib
import sys
import unittest


def main():
    run = unittest.main(module=None, argv=["tests", "discover", "-s", str(pathlib.Path(__file__).parent)], exit=False)
    for test, reason in run.result.skipped:
        print(f"skipped: {test.id()}: {reason}", file=sys.stderr)
    return 0 if run.result.testsRun > 0 and run.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

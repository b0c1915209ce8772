"""The prototypes are those of forker.h, and a library that is not there is a clear error."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import forker
from forker import _library, stats

HEADER = Path(__file__).resolve().parents[3] / "include" / "forker.h"

# What a C parameter or result is in ctypes. Text with a length is an address, see _library.
INTEGERS = {
    "int": "c_int",
    "int32_t": "c_int",
    "int64_t": "c_long",
    "double": "c_double",
    "size_t": "c_ulong",
    "forker_deferred": "c_ulong",
    "void": "NoneType",
}


def header_text():
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)


@unittest.skipUnless(HEADER.exists(), f"there is no {HEADER} to compare with")
class HeaderTest(unittest.TestCase):
    def declarations(self):
        """Name: (result, parameters) of every function, each without its name and blanks."""
        found = re.findall(r"^((?:const )?\w+ \*?)(forker_\w+)\(([^;]*)\);", header_text(), flags=re.M | re.S)
        for result, name, parameters in found:
            parameters = [] if parameters == "void" else parameters.split(",")
            kinds = [re.sub(r"\w+$", "", parameter.strip()).strip() for parameter in parameters]
            yield name, result.strip(), kinds

    def test_every_function_is_bound(self):
        self.assertEqual([name for name, _, _ in self.declarations()], list(_library.PROTOTYPES))

    def test_prototypes_agree(self):
        for name, result, kinds in self.declarations():
            bound_result, bound_kinds = _library.PROTOTYPES[name]
            with self.subTest(function=name):
                self.assertEqual(len(kinds), len(bound_kinds))
                for c, bound in zip([result, *kinds], [bound_result, *bound_kinds]):
                    self.assertTrue(self.agree(c, bound), f"{c} is bound as {bound}")

    def agree(self, c, bound):
        callbacks = {
            "forker_handler": _library.HANDLER,
            "forker_hook": _library.HOOK,
            "forker_key_fn": _library.KEY_FN,
            "forker_origin_fn": _library.ORIGIN_FN,
            "forker_password_fn": _library.PASSWORD_FN,
            "forker_done_fn": _library.DONE_FN,
            "forker_server_hook": _library.SERVER_HOOK,
            "forker_death_fn": _library.DEATH_FN,
            "forker_log_fn": _library.LOG_FN,
            "forker_post_fn": _library.POST_FN,
            "forker_access_log_fn": _library.ACCESS_LOG_FN,
            "forker_fork_fn": _library.FORK_FN,
            "forker_body_fn": _library.BODY_FN,
            "forker_part_fn": _library.PART_FN,
            "forker_error_fn": _library.ERROR_FN,
            "forker_head_fn": _library.HEAD_FN,
            "forker_timer_fn": _library.TIMER_FN,
            "forker_close_fn": _library.CLOSE_FN,
            "forker_drain_fn": _library.DRAIN_FN,
            "forker_done_fn": _library.DONE_FN,
            "forker_release_fn": _library.RELEASE_FN,
            "forker_error_fn": _library.ERROR_FN,
            "forker_head_fn": _library.HEAD_FN,
            "forker_timer_fn": _library.TIMER_FN,
        }
        if c in callbacks:
            return bound is callbacks[c]
        if c in INTEGERS:
            return INTEGERS[c] == ("NoneType" if bound is None else bound.__name__)
        pointers = {
            "char *": ("c_char_p",),
            "const char *": ("c_char_p", "c_void_p"),
            "const char **": ("LP_c_char_p",),
            "const char *const *": ("LP_c_char_p",),
            "const void *": ("c_char_p", "c_void_p"),
            "size_t *": ("LP_c_ulong",),
            "forker_deferred *": ("LP_c_ulong",),
            "int *": ("LP_c_int",),
            "int64_t *": ("LP_c_long",),
            "double *": ("LP_c_double",),
            "forker_route **": ("LP_c_void_p",),
            "forker_answer **": ("LP_c_void_p",),
        }
        return bound.__name__ in pointers.get(c, ("c_void_p",))

    def test_numbers_agree(self):
        numbers = dict(re.findall(r"FORKER_((?:E|LOG|CLOSE)_\w+) = (-?\d+)", header_text()))
        self.assertEqual(len(numbers), 27)
        for name, number in numbers.items():
            self.assertEqual(getattr(forker, name), int(number), name)

    def test_names_of_figures_agree(self):
        for kind, names in (("PHASE", stats.PHASES), ("WORKER", stats.STATES), ("EXIT", ("none", *stats.EXIT_REASONS[1:])), ("HANDSHAKE", stats.HANDSHAKE_ENDS)):
            numbers = dict(re.findall(rf"FORKER_{kind}_(\w+) = (\d+)", header_text()))
            for length in ("REASONS", "ENDS"):
                numbers.pop(length, None)
            first = min(map(int, numbers.values()))
            self.assertEqual([name.lower() for name in numbers], list(names[first:]), kind)

    def test_structs_agree(self):
        kinds = {"uint32_t": "I", "int32_t": "i", "uint64_t": "L", "char": "c"}
        lengths = {**dict(re.findall(r"FORKER_(\w+) = (\d+)", header_text()))}
        for name, struct in (("forker_stats", stats.CStats), ("forker_worker_stats", stats.CWorkerStats)):
            text = re.search(rf"struct {name} {{(.*?)}}", header_text(), flags=re.S)[1]
            declared = []
            for kind, field, length in re.findall(r"(\w+)\s+(\w+)(?:\[(\w+)\])?;", text):
                count = int(lengths.get(length.removeprefix("FORKER_"), length or 0))
                declared.append((field, kinds[kind], count))
            bound = []
            for field, kind in struct._fields_:
                count = getattr(kind, "_length_", 0)
                bound.append((field, (kind._type_ if count else kind)._type_, count))
            self.assertEqual(declared, bound, name)


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

// Package install tests what a user gets: the installed files, and that C and C++ programs find and link the library by
// pkg-config, by CMake's find_package and by add_subdirectory. Every install goes to a directory of its own.
package install

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"libforker/bindings/api/header"
)

// sourceTree is the root of the repository.
func sourceTree(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// buildDir is where the library under test was built; make builds it there if it is missing.
func buildDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("FORKER_BUILD"); dir != "" {
		return dir
	}
	return filepath.Join(sourceTree(t), "build")
}

// described is what include/forker.h says.
func described(t *testing.T) *header.API {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sourceTree(t), "include", "forker.h"))
	if err != nil {
		t.Fatal(err)
	}
	api, err := header.Parse("forker.h", string(text))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// headerVersion is FORKER_VERSION of include/forker.h.
func headerVersion(t *testing.T) string {
	t.Helper()
	return described(t).Version
}

// run gives the output of a command. The variables of a make that runs this test are not for the makes and compilers
// under test: they would pass on its flags and its build directory.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := command(env, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func command(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "FORKER_BUILD", "DESTDIR", "LD_LIBRARY_PATH"}, key)
	})
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// stage installs by make below DESTDIR and returns the directory that stands for the root.
func stage(t *testing.T, assignments ...string) string {
	t.Helper()
	root := t.TempDir()
	args := []string{"-C", sourceTree(t), "install", "BUILD=" + buildDir(t), "DESTDIR=" + root}
	run(t, nil, "make", append(args, assignments...)...)
	return root
}

// files lists what is below a directory, links with their targets.
func files(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			name += " -> " + target
		}
		found = append(found, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// installed is what an install consists of.
func installed(t *testing.T, libdir string) []string {
	t.Helper()
	real := "libforker.so." + headerVersion(t)
	list := []string{
		"include/forker.h",
		"include/forker.hpp",
		"include/forker/answer.hpp",
		"include/forker/deferred.hpp",
		"include/forker/error.hpp",
		"include/forker/group.hpp",
		"include/forker/kept.hpp",
		"include/forker/request.hpp",
		"include/forker/server.hpp",
		"include/forker/value.hpp",
		"include/forker/watch.hpp",
		"share/forker/api.json",
		libdir + "/" + real,
		libdir + "/libforker.so.0 -> " + real,
		libdir + "/libforker.so -> " + real,
		libdir + "/pkgconfig/forker.pc",
		libdir + "/cmake/forker/forker-config.cmake",
		libdir + "/cmake/forker/forker-config-version.cmake",
		"share/doc/forker/LICENSE",
		"share/doc/forker/LICENSES/github.com_go-crypt_x.txt",
		"share/doc/forker/LICENSES/github.com_klauspost_compress.txt",
		"share/doc/forker/LICENSES/github.com_valyala_bytebufferpool.txt",
		"share/doc/forker/LICENSES/go.txt",
		"share/doc/forker/LICENSES/golang.org_x_crypto.txt",
		"share/doc/forker/LICENSES/golang.org_x_sys.txt",
		"share/doc/forker/LICENSES/inferno.txt",
	}
	slices.Sort(list)
	return list
}

func expectFiles(t *testing.T, root string, want []string) {
	t.Helper()
	pages := map[string]bool{}
	got := slices.DeleteFunc(files(t, root), func(name string) bool {
		page, found := strings.CutPrefix(name, "share/man/man3/")
		page, _, _ = strings.Cut(page, " -> ")
		pages[page] = found
		return found
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("installed:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	for _, function := range described(t).Functions {
		if !pages[function.Name+".3"] {
			t.Errorf("no page tells of %s", function.Name)
		}
	}
}

func TestMakeInstall_putsEveryFileInPlace(t *testing.T) {
	root := stage(t, "PREFIX=/usr", "LIBDIR=/usr/lib/multiarch")
	expectFiles(t, filepath.Join(root, "usr"), installed(t, "lib/multiarch"))
}

func TestLibrary_namesItself(t *testing.T) {
	library, err := elf.Open(filepath.Join(stage(t, "PREFIX=/usr"), "usr/lib/libforker.so"))
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	if soname, err := library.DynString(elf.DT_SONAME); err != nil || !slices.Equal(soname, []string{"libforker.so.0"}) {
		t.Errorf("SONAME %q, %v", soname, err)
	}
	if needed, err := library.DynString(elf.DT_NEEDED); err != nil || len(needed) != 1 || !strings.HasPrefix(needed[0], "libc.so") {
		t.Errorf("needs %q, %v; want libc alone", needed, err)
	}
	if flags, err := library.DynValue(elf.DT_FLAGS); err != nil || len(flags) != 1 || elf.DynFlag(flags[0])&elf.DF_BIND_NOW == 0 {
		t.Errorf("DT_FLAGS %v, %v; want BIND_NOW", flags, err)
	}
}

func TestPkgConfig_linksCAndCPP(t *testing.T) {
	prefix := filepath.Join(stage(t, "PREFIX=/opt/forker"), "opt/forker")
	env := []string{
		"PKG_CONFIG_LIBDIR=" + filepath.Join(prefix, "lib/pkgconfig"),
		"PKG_CONFIG_SYSROOT_DIR=" + strings.TrimSuffix(prefix, "/opt/forker"),
	}
	if got, want := run(t, env, "pkg-config", "--modversion", "forker"), headerVersion(t); got != want {
		t.Errorf("forker.pc says version %s, want %s", got, want)
	}
	flags := strings.Fields(run(t, env, "pkg-config", "--cflags", "--libs", "forker"))
	for _, compile := range [][]string{{"gcc", "consumer/consumer.c"}, {"g++", "consumer/consumer.cpp"}} {
		program := filepath.Join(t.TempDir(), "consumer")
		run(t, nil, compile[0], append([]string{"-o", program, compile[1]}, flags...)...)
		expectVersion(t, program, filepath.Join(prefix, "lib"))
	}
}

// expectVersion runs a consumer with the library of a directory, or with the one of its own run path.
func expectVersion(t *testing.T, program, libdir string) {
	t.Helper()
	var env []string
	if libdir != "" {
		env = []string{"LD_LIBRARY_PATH=" + libdir}
	}
	if got, want := run(t, env, program), headerVersion(t); got != want {
		t.Errorf("%s printed %q, want %q", program, got, want)
	}
}

func TestFindPackage_linksCAndCPP(t *testing.T) {
	root := stage(t, "PREFIX=/opt/forker")
	// The tree is moved after the install: nothing in the package may name the place it was made for.
	prefix := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(filepath.Join(root, "opt/forker"), prefix); err != nil {
		t.Fatal(err)
	}
	build := t.TempDir()
	run(t, nil, "cmake", "-S", "consumer", "-B", build, "-DCMAKE_PREFIX_PATH="+prefix, "-DFORKER_WANTED="+series(t))
	run(t, nil, "cmake", "--build", build)
	expectVersion(t, filepath.Join(build, "consumer_c"), "")
	expectVersion(t, filepath.Join(build, "consumer_cpp"), "")
}

// series is major and minor number of the version.
func series(t *testing.T) string {
	t.Helper()
	version := headerVersion(t)
	return version[:strings.LastIndexByte(version, '.')]
}

func TestFindPackage_refusesAnotherSeries(t *testing.T) {
	prefix := filepath.Join(stage(t, "PREFIX=/opt/forker"), "opt/forker")
	for _, version := range []string{"0.0", "0.99", "1", "1.0", series(t) + ".99"} {
		out, err := command(nil, "cmake", "-S", "consumer", "-B", t.TempDir(), "-DCMAKE_PREFIX_PATH="+prefix,
			"-DFORKER_WANTED="+version).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("forker-config.cmake, version: "+headerVersion(t))) {
			t.Errorf("version %s: %v, want it found and not accepted\n%s", version, err, out)
		}
	}
}

func TestAddSubdirectory_linksCAndCPP(t *testing.T) {
	build := t.TempDir()
	run(t, nil, "cmake", "-S", "consumer", "-B", build, "-G", "Unix Makefiles", "-DFORKER_SOURCE="+sourceTree(t))
	run(t, nil, "cmake", "--build", build, "--parallel", "4")
	expectVersion(t, filepath.Join(build, "consumer_c"), "")
	expectVersion(t, filepath.Join(build, "consumer_cpp"), "")
}

func TestBuild_isReproducible(t *testing.T) {
	build, again := t.TempDir(), t.TempDir()
	for _, dir := range []string{build, again} {
		run(t, nil, "make", "-C", sourceTree(t), "lib", "BUILD="+dir)
	}
	run(t, nil, "cmp", filepath.Join(build, "libforker.so"), filepath.Join(again, "libforker.so"))
}

func TestCMakeInstall_putsEveryFileInPlace(t *testing.T) {
	build, root := t.TempDir(), t.TempDir()
	run(t, nil, "cmake", "-S", sourceTree(t), "-B", build, "-DCMAKE_INSTALL_LIBDIR=lib")
	run(t, nil, "cmake", "--build", build)
	run(t, []string{"DESTDIR=" + root}, "cmake", "--install", build, "--prefix", "/opt/forker")
	expectFiles(t, filepath.Join(root, "opt/forker"), installed(t, "lib"))
	expectHardened(t, filepath.Join(root, "opt/forker/lib/libforker.so"))
}

// Go's build cache does not know the headers outside of a package's own folder: the Makefile has to tell it of them.
func TestBuild_compilesAnEditedHeaderIn(t *testing.T) {
	tree := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "go.sum", "capi", "engine", "include", "prefork", "slot"} {
		run(t, nil, "cp", "-r", filepath.Join(sourceTree(t), name), tree)
	}
	header := filepath.Join(tree, "include", "forker.h")
	text, err := os.ReadFile(header)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{headerVersion(t), "0.99.1"} {
		edited := strings.Replace(string(text), `"`+headerVersion(t)+`"`, `"`+version+`"`, 1)
		if err := os.WriteFile(header, []byte(edited), 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, nil, "make", "-C", tree, "lib")
		program := filepath.Join(t.TempDir(), "version")
		source := program + ".c"
		if err := os.WriteFile(source, []byte(`#include <forker.h>
#include <stdio.h>
int main(void) { puts(forker_version()); return 0; }
`), 0o644); err != nil {
			t.Fatal(err)
		}
		build := filepath.Join(tree, "build")
		run(t, nil, "gcc", "-I"+filepath.Join(tree, "include"), "-o", program, source, "-L"+build, "-lforker", "-Wl,-rpath,"+build)
		if got := run(t, nil, program); got != version {
			t.Errorf("the library built with FORKER_VERSION %q says %q", version, got)
		}
	}
}

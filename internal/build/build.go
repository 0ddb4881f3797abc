// Package build knows how a program was built, and where its files are in its module.
package build

import (
	"net/url"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// Program is what the program says of itself.
type Program struct {
	module string // of the program, "" where it does not tell
	main   string // the path of its package main
}

// Read asks the program.
func Read() Program {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Program{}
	}
	return Program{module: info.Main.Path, main: info.Path}
}

// Relative is the path of a function's file as the program's module has it, or, of another
// module, by the path of its package: nothing of the machine that built it.
func (p Program) Relative(function, file string) string {
	name := path.Base(filepath.ToSlash(file))
	pkg := packageOf(function)
	if pkg == "main" {
		if p.module == "" || p.main != p.module && !strings.HasPrefix(p.main, p.module+"/") {
			return name
		}
		pkg = p.main
	}
	// A test's package may have a name that its folder does not have.
	if own := strings.TrimSuffix(pkg, "_test"); own != pkg && path.Base(path.Dir(filepath.ToSlash(file))) == path.Base(own) {
		pkg = own
	}
	if pkg == p.module {
		return name
	}
	if p.module != "" {
		pkg = strings.TrimPrefix(pkg, p.module+"/")
	}
	return pkg + "/" + name
}

// packageOf is the import path of a function's package, as the runtime names functions:
// dots in its last part are written %2e.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return function
	}
	pkg := function[:slash+dot]
	if plain, err := url.PathUnescape(pkg); err == nil {
		return plain
	}
	return pkg
}

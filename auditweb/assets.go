package auditweb

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// assets are what pages load, by a name that changes with the content, so that browsers
// may keep it for good.
type assets struct {
	named map[string]string // "style.css" → "style-1a2b….css"
	files map[string]asset
}

type asset struct {
	body []byte
	kind string
}

func readAssets() (assets, error) {
	a := assets{named: map[string]string{}, files: map[string]asset{}}
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".woff2": "font/woff2", ".svg": "image/svg+xml",
	}
	add := func(name string, body []byte) {
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		a.named[name], a.files[hashed] = hashed, asset{body, kinds[ext]}
	}
	files, err := fs.Glob(staticFiles, "static/*.*")
	if err != nil {
		return a, err
	}
	var style []byte
	for _, file := range files {
		body, err := staticFiles.ReadFile(file)
		if err != nil {
			return a, err
		}
		switch name := path.Base(file); {
		case name == "style.css":
			style = body
		case kinds[path.Ext(name)] != "":
			add(name, body)
		}
	}
	// The style names the font, so that it comes last.
	text := string(style)
	for name, hashed := range a.named {
		text = strings.ReplaceAll(text, "url("+name+")", "url("+hashed+")")
	}
	add("style.css", []byte(text))
	return a, nil
}

func (h *Handler) static(w http.ResponseWriter, name string) bool {
	f, ok := h.assets.files[name]
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(f.body) // the browser may have gone
	return true
}

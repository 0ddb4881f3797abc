package entry

import (
	"context"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// maxShared bounds the encodings that one transaction's emitters share.
const maxShared = 8 << 20

type sharedKey struct{}

// shared holds the images of one transaction's records by record id.
type shared struct {
	mu    sync.Mutex
	size  int
	byID  map[string]Images
	limit int
}

// ShareEncodings returns a context under which [EncodeImages] encodes each record once
// for all emitters of a transaction. The plugin passes one such
// context to all emitters of a transaction. At most 8 MiB are kept for as long as
// the context lives; what does not fit is encoded again.
func ShareEncodings(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, &shared{byID: make(map[string]Images), limit: maxShared})
}

// EncodeImages returns the images of r, from ctx if an emitter before this one
// has encoded them.
func EncodeImages(ctx context.Context, e *Encoder, r *audit.Record) Images {
	s, _ := ctx.Value(sharedKey{}).(*shared)
	if s == nil || r.ID == "" {
		return e.Images(r)
	}
	s.mu.Lock()
	img, ok := s.byID[r.ID]
	s.mu.Unlock()
	if ok {
		return img
	}
	img = e.Images(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(r.ID) + len(img.Before) + len(img.After); s.size+n <= s.limit {
		s.size += n
		s.byID[r.ID] = img
	}
	return img
}

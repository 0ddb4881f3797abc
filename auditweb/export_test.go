package auditweb

import "time"

// StopClock lets it be now for all answers of a handler.
func (h *Handler) StopClock(now time.Time) { h.now = func() time.Time { return now } }

package companion

import "encoding/json"

// Context is who runs raw SQL, why, and under which record. Other programs may say the
// same of themselves: its JSON is documented in docs/companion.md.
type Context struct {
	ActorID       string            `json:"actor_id"`
	ActorType     string            `json:"actor_type"`
	ActorName     string            `json:"actor_name"`
	Tenant        string            `json:"tenant"`
	SessionID     string            `json:"session_id"`
	OnBehalfID    string            `json:"on_behalf_of_id"`
	OnBehalfType  string            `json:"on_behalf_of_type"`
	OnBehalfName  string            `json:"on_behalf_of_name"`
	Message       string            `json:"message"`
	Reason        string            `json:"reason"`
	TransactionID string            `json:"transaction_id"`
	RequestID     string            `json:"request_id"`
	IP            string            `json:"ip"`
	UserAgent     string            `json:"user_agent"`
	TraceID       string            `json:"trace_id"`
	SpanID        string            `json:"span_id"`
	Application   string            `json:"application"`
	Host          string            `json:"host"`
	Cause         string            `json:"cause"`
	Causes        map[string]string `json:"causes,omitempty"` // by table
	Metadata      json.RawMessage   `json:"metadata,omitempty"`
}

// Texts are the context's members that are columns of the audit table, under one name.
func Texts() []string {
	return []string{
		"message", "reason", "actor_id", "actor_type", "actor_name", "transaction_id", "request_id", "ip", "user_agent",
		"trace_id", "span_id", "application", "host", "tenant", "session_id", "on_behalf_of_id", "on_behalf_of_type", "on_behalf_of_name",
	}
}

// JSON is the context as text. It can not fail: it holds texts, and JSON that was made.
func (c Context) JSON() string {
	b, err := json.Marshal(c)
	if err != nil {
		c.Metadata = nil
		b, _ = json.Marshal(c)
	}
	return string(b)
}

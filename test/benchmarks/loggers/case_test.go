package loggers

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// Every subject must write, as one line of JSON, what the case is about; else the
// comparison would be between unlike things.
func TestSubjectsLogTheSame(t *testing.T) {
	content := map[string]string{
		"message": placed, "five": "12.5", "bound": "eu-north-1", "group": customer, "source": "case.go", "error": "connection refused",
		"map": `"b"`, "struct": customer, "traced": spanID, "placed": "order.place", "merged": customer,
	}
	for _, c := range Cases() {
		for _, subject := range Subjects() {
			var buf bytes.Buffer
			c.Call(subject, &buf)()
			line := buf.String()
			if !json.Valid(buf.Bytes()) || strings.Count(line, "\n") != 1 || content[c.Name] == "" || !strings.Contains(line, content[c.Name]) {
				t.Errorf("%s by %s lacks %q: %s", c.Name, subject, content[c.Name], line)
			}
		}
	}
}

func BenchmarkLoggers(b *testing.B) {
	for _, c := range Cases() {
		for _, subject := range Subjects() {
			b.Run(c.Name+"/"+subject, func(b *testing.B) {
				call := c.Call(subject, io.Discard)
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
	}
}

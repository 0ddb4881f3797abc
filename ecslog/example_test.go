package ecslog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/gorm-audit/auditplugin/ecslog"
)

func ExampleNewHandler() {
	h := ecslog.NewHandler(os.Stdout, &ecslog.Options{ServiceName: "shop", Logger: "shop.orders"})

	// Applications call slog.New(h); the record is made by hand for its fixed time.
	r := slog.NewRecord(time.Date(2024, 8, 20, 10, 18, 53, 49_000_000, time.UTC), slog.LevelError, "order lost", 0)
	r.AddAttrs(slog.Int("order", 17), slog.Any("error", errors.New("connection refused")), slog.String("trace.id", "4bf92f35"))
	if err := h.Handle(context.Background(), r); err != nil {
		panic(err)
	}
	// Output:
	// {"@timestamp":"2024-08-20T10:18:53.049000Z","log.level":"error","message":"order lost","order":17,"error":{"type":"*errors.errorString","message":"connection refused"},"ecs.version":"1.6.0","log":{"logger":"shop.orders"},"trace":{"id":"4bf92f35"},"event":{"dataset":"shop"},"service":{"name":"shop"}}
}

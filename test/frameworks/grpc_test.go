package frameworks

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/test/bufconn"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// audited says who calls. A client may send any metadata: believe what authentication says.
func audited(ctx context.Context) context.Context {
	sent, _ := metadata.FromIncomingContext(ctx)
	first := func(key string) string {
		if values := sent.Get(key); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	request := audit.Request{ID: first("x-request-id"), UserAgent: first("user-agent")}
	if p, ok := peer.FromContext(ctx); ok {
		request.IP, _, _ = net.SplitHostPort(p.Addr.String()) // none where it is a socket
	}
	ctx = audit.WithRequest(ctx, request)
	if user := userOf(first("authorization")); user != "" {
		ctx = audit.WithActor(ctx, audit.Actor{ID: user, Type: "user"})
	}
	return audit.WithTenant(ctx, first("x-tenant"))
}

func unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	return handle(audited(ctx), req)
}

func stream(server any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	return handle(server, auditedStream{ss, audited(ss.Context())})
}

type auditedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s auditedStream) Context() context.Context { return s.ctx }

func grpcServer() *grpc.Server {
	return grpc.NewServer(grpc.ChainUnaryInterceptor(unary), grpc.ChainStreamInterceptor(stream))
}

// orders is a service whose methods pay, in the clothes of one that needs no generated code.
type orders struct {
	health.UnimplementedHealthServer
	db *gorm.DB
}

func (o *orders) pay(ctx context.Context, id string) error {
	ctx = audit.WithReason(ctx, "paid by card")
	return o.db.WithContext(ctx).Model(&Order{ID: id}).Update("state", "paid").Error
}

func (o *orders) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return &health.HealthCheckResponse{}, o.pay(ctx, r.GetService())
}

func (o *orders) Watch(r *health.HealthCheckRequest, ss grpc.ServerStreamingServer[health.HealthCheckResponse]) error {
	if err := o.pay(ss.Context(), r.GetService()); err != nil {
		return err
	}
	return ss.Send(&health.HealthCheckResponse{})
}

func TestGRPC(t *testing.T) {
	for name, call := range map[string]func(context.Context, health.HealthClient) error{
		"unary": func(ctx context.Context, c health.HealthClient) error {
			_, err := c.Check(ctx, &health.HealthCheckRequest{Service: "12"})
			return err
		},
		"stream": func(ctx context.Context, c health.HealthClient) error {
			watch, err := c.Watch(ctx, &health.HealthCheckRequest{Service: "12"})
			if err == nil {
				_, err = watch.Recv()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			listener, server := bufconn.Listen(1<<16), grpcServer()
			health.RegisterHealthServer(server, &orders{db: db})
			go func() { _ = server.Serve(listener) }() // until it is stopped
			defer server.Stop()
			client, err := grpc.NewClient("passthrough:///orders", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer token-of-ada", "x-request-id", "r1", "x-tenant", "acme")
			if err := call(ctx, health.NewHealthClient(client)); err != nil {
				t.Fatal(err)
			}
			by(t, record(t, db), "ada", "paid by card", "acme", "r1")
		})
	}
}

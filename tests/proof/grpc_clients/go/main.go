// gRPC's own tests of interoperability, one after the other; each ends the process when it fails.
//
//	client ADDRESS                                 without TLS
//	client ADDRESS NAME AUTHORITY CERTIFICATE KEY  with mutual TLS, to the server of this name
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Both sides prove who they are; whoever does not is refused before he calls.
func mutual(ctx context.Context, address, name, authority, certificate, key string) credentials.TransportCredentials {
	pem, err := os.ReadFile(authority)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	stranger := &tls.Config{ServerName: name, RootCAs: pool}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(stranger)))
	must(err)
	defer conn.Close()
	_, err = pb.NewTestServiceClient(conn).EmptyCall(ctx, &pb.Empty{})
	if status.Code(err) != codes.Unavailable {
		fmt.Println("no certificate FAILED", err)
		os.Exit(1)
	}
	fmt.Println("no certificate refused ok")
	own, err := tls.LoadX509KeyPair(certificate, key)
	must(err)
	return credentials.NewTLS(&tls.Config{ServerName: name, RootCAs: pool, Certificates: []tls.Certificate{own}})
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	how := insecure.NewCredentials()
	if len(os.Args) > 2 {
		how = mutual(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	}
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(how))
	must(err)
	c := pb.NewTestServiceClient(conn)
	for _, t := range []struct {
		name string
		do   func()
	}{
		{"empty_unary", func() { interop.DoEmptyUnaryCall(ctx, c) }},
		{"large_unary", func() { interop.DoLargeUnaryCall(ctx, c) }},
		{"client_streaming", func() { interop.DoClientStreaming(ctx, c) }},
		{"server_streaming", func() { interop.DoServerStreaming(ctx, c) }},
		{"ping_pong", func() { interop.DoPingPong(ctx, c) }},
		{"empty_stream", func() { interop.DoEmptyStream(ctx, c) }},
		{"timeout_on_sleeping_server", func() { interop.DoTimeoutOnSleepingServer(ctx, c) }},
		{"cancel_after_begin", func() { interop.DoCancelAfterBegin(ctx, c) }},
		{"cancel_after_first_response", func() { interop.DoCancelAfterFirstResponse(ctx, c) }},
		{"custom_metadata", func() { interop.DoCustomMetadata(ctx, c) }},
		{"status_code_and_message", func() { interop.DoStatusCodeAndMessage(ctx, c) }},
		{"special_status_message", func() { interop.DoSpecialStatusMessage(ctx, c) }},
		{"unimplemented_method", func() { interop.DoUnimplementedMethod(ctx, conn) }},
		{"unimplemented_service", func() { interop.DoUnimplementedService(ctx, pb.NewUnimplementedServiceClient(conn)) }},
	} {
		t.do()
		fmt.Println(t.name, "ok")
	}
	// Many windows, and the pings with which grpc-go measures how wide they should be.
	for i := 0; i < 10; i++ {
		got, err := c.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: 16 << 20}, grpc.MaxCallRecvMsgSize(32<<20))
		if err != nil || len(got.Payload.Body) != 16<<20 {
			fmt.Println("large FAILED", err)
			os.Exit(1)
		}
	}
	fmt.Println("ten answers of 16 MiB ok")
}

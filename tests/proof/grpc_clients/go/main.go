// gRPC's own tests of interoperability, one after the other; each ends the process when it fails.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

func main() {
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	c := pb.NewTestServiceClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
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

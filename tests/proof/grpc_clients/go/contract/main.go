// The calls that standard input names, by nothing but the descriptors of the contract: a line each, and a line for each
// answer.
//
//	contract ADDRESS DESCRIPTORS
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type call struct {
	Method, Token string
	Fields        json.RawMessage
}

type answer struct {
	Code   string          `json:"code"`
	Answer json.RawMessage `json:"answer"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// The last message, of a stream too.
func send(ctx context.Context, files *protoregistry.Files, conn *grpc.ClientConn, c call) (proto.Message, error) {
	service, name, _ := strings.Cut(strings.TrimPrefix(c.Method, "/"), "/")
	found, err := files.FindDescriptorByName(protoreflect.FullName(service))
	must(err)
	method := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	request, last := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	must(protojson.Unmarshal(c.Fields, request))
	if c.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.Token)
	}
	if !method.IsStreamingServer() {
		return last, conn.Invoke(ctx, c.Method, request, last)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, c.Method)
	if err != nil {
		return nil, err
	}
	must(stream.SendMsg(request))
	must(stream.CloseSend())
	for {
		next := dynamicpb.NewMessage(method.Output())
		if err := stream.RecvMsg(next); err == io.EOF {
			return last, nil
		} else if err != nil {
			return nil, err
		}
		last = next
	}
}

func main() {
	raw, err := os.ReadFile(os.Args[2])
	must(err)
	set := &descriptorpb.FileDescriptorSet{}
	must(proto.Unmarshal(raw, set))
	files, err := protodesc.NewFiles(set)
	must(err)
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c call
		must(json.Unmarshal(lines.Bytes(), &c))
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		message, err := send(ctx, files, conn, c)
		cancel()
		told := answer{Code: status.Code(err).String(), Answer: json.RawMessage("{}")}
		if err == nil {
			told.Answer, err = protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
			must(err)
		}
		line, err := json.Marshal(told)
		must(err)
		fmt.Println(string(line))
	}
}

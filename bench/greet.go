// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
)

const greetBound = 15 * time.Second

// greet does what every official client does before its first call: it opens the telemetry stream, says what it is and waits for
// the server's settings. Apache's proxy answers a receive before that with an error. The stream stays open until ctx ends.
func greet(ctx context.Context, s shape, client v2.MessagingServiceClient, name string) error {
	stream, err := client.Telemetry(headers(ctx, name))
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	if err := stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings(s)}}); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	greeted := make(chan error, 1)
	go func() { // ends with ctx
		for {
			c, err := stream.Recv()
			if err != nil {
				err = fmt.Errorf("telemetry: %w", err)
			}
			if err != nil || c.GetSettings() != nil {
				select {
				case greeted <- err:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case err := <-greeted:
		return err
	case <-time.After(greetBound):
		return fmt.Errorf("telemetry: no settings within %v", greetBound)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func settings(s shape) *v2.Settings {
	kind, topic := v2.ClientType_PRODUCER, &v2.Resource{Name: s.Topic}
	out := &v2.Settings{
		AccessPoint:    &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: "127.0.0.1", Port: 8081}}},
		RequestTimeout: durationpb.New(callBound),
		UserAgent:      &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4", Platform: "linux", Hostname: "bench"},
		PubSub:         &v2.Settings_Publishing{Publishing: &v2.Publishing{Topics: []*v2.Resource{topic}, MaxBodySize: 4 << 20, ValidateMessageType: true}},
	}
	if s.Mode == "receive" {
		kind = v2.ClientType_SIMPLE_CONSUMER
		out.PubSub = &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Group: &v2.Resource{Name: s.Group}, LongPollingTimeout: durationpb.New(5 * time.Second),
			Subscriptions: []*v2.SubscriptionEntry{{Topic: topic, Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"}}},
		}}
	}
	out.ClientType = &kind
	return out
}

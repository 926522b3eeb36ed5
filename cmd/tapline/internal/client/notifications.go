package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

// NotificationTest is whether a test message arrived.
type NotificationTest struct {
	Notification string `json:"notification"`
	ID           string `json:"id"`
	Delivered    bool   `json:"delivered"`
	Reason       string `json:"reason,omitempty"`
	Millis       int64  `json:"millis"`
}

// TestNotification has Import Center send a test message.
func (c *Client) TestNotification(ctx context.Context, name string) (NotificationTest, error) {
	var out NotificationTest
	return out, c.do(ctx, http.MethodPost, "/v1/notifications/"+url.PathEscape(name)+"/test", nil, nil, &out)
}

// Acknowledge mutes the notifications of what is known of an import.
func (c *Client) Acknowledge(ctx context.Context, importName string, until time.Time, reason string) (schemas.AcknowledgementSpec, error) {
	var out schemas.AcknowledgementSpec
	body := map[string]any{"until": until.UTC()}
	if reason != "" {
		body["reason"] = reason
	}
	return out, c.do(ctx, http.MethodPut, "/v1/imports/"+url.PathEscape(importName)+"/acknowledgement", nil, body, &out)
}

// Unacknowledge takes an acknowledgement back.
func (c *Client) Unacknowledge(ctx context.Context, importName string) error {
	return c.do(ctx, http.MethodDelete, "/v1/imports/"+url.PathEscape(importName)+"/acknowledgement", nil, nil, nil)
}

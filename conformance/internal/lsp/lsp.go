// Package lsp is a headless editor. It implements the part of the Language Server Protocol for opening a
// document and reading its diagnostics, completions and hover texts.
package lsp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Patience is the time limit for an answer of a server.
const Patience = time.Minute

// A Position is a position in a document. Lines and characters count from 0; characters are UTF-16 code
// units.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// A Range is a part of a document.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// A Diagnostic is a mistake that an editor marks.
type Diagnostic struct {
	Range   Range  `json:"range"`
	Message string `json:"message"`
}

// An Item is a completion at a position.
type Item struct {
	Label         string `json:"label"`
	InsertText    string `json:"insertText"`
	Documentation text   `json:"documentation"`
}

// A text is either a string or an object with the text and its language.
type text string

// UnmarshalJSON reads both forms of a text.
func (t *text) UnmarshalJSON(data []byte) error {
	var markup struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(data, &markup) == nil {
		*t = text(markup.Value)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// A Client is an editor that talks to a server over the server's standard input and output.
type Client struct {
	t        testing.TB
	settings map[string]any
	errors   bytes.Buffer
	ended    chan error

	mutex      sync.Mutex
	in         io.Writer
	sent       int
	answers    map[int]chan message
	published  map[string]chan []Diagnostic
	configured chan struct{}
}

// A message is a request, an answer or a notification.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// Start starts a server that stops with the test. settings holds the settings that the server may request, by
// section.
func Start(t testing.TB, cmd *exec.Cmd, settings map[string]any) *Client {
	t.Helper()
	c := &Client{
		t: t, settings: settings, ended: make(chan error, 1),
		answers: map[int]chan message{}, published: map[string]chan []Diagnostic{}, configured: make(chan struct{}),
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, cmd.Stderr = in, &c.errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.ended <- c.read(bufio.NewReader(out)) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error reports that the process was killed
		if t.Failed() && c.errors.Len() > 0 {
			t.Logf("the server printed\n%s", c.errors.String())
		}
	})
	c.request("initialize", map[string]any{
		"processId": nil, "rootUri": nil,
		"capabilities": map[string]any{"workspace": map[string]any{"configuration": true}},
	}, nil)
	c.notify("initialized", map[string]any{})
	wait(c, "to ask for its settings", c.configured)
	return c
}

// Open opens a file with a text, and returns the diagnostics for it.
func (c *Client) Open(file, text string) []Diagnostic {
	c.t.Helper()
	published := make(chan []Diagnostic, 1)
	c.mutex.Lock()
	c.published[uri(file)] = published
	c.mutex.Unlock()
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": uri(file), "languageId": "yaml", "version": 1, "text": text,
	}})
	return wait(c, "to look at "+file, published)
}

// Complete returns the completions at a position of an open file.
func (c *Client) Complete(file string, at Position) []Item {
	c.t.Helper()
	var list struct {
		Items []Item `json:"items"`
	}
	c.request("textDocument/completion", place(file, at), &list)
	return list.Items
}

// Hover returns the hover text at a position of an open file.
func (c *Client) Hover(file string, at Position) string {
	c.t.Helper()
	var hover struct {
		Contents text `json:"contents"`
	}
	c.request("textDocument/hover", place(file, at), &hover)
	return string(hover.Contents)
}

func place(file string, at Position) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": uri(file)}, "position": at}
}

func uri(file string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
}

// request sends a request to the server, and waits for the answer.
func (c *Client) request(method string, params, result any) {
	c.t.Helper()
	answered := make(chan message, 1)
	c.mutex.Lock()
	c.sent++
	id := c.sent
	c.answers[id] = answered
	c.mutex.Unlock()
	c.must(c.send(message{ID: encode(id), Method: method, Params: encode(params)}))
	answer := wait(c, "to answer "+method, answered)
	if answer.Error != nil {
		c.t.Fatalf("%s: %s", method, answer.Error)
	}
	if result != nil {
		c.must(json.Unmarshal(answer.Result, result))
	}
}

// notify sends a notification to the server.
func (c *Client) notify(method string, params any) {
	c.t.Helper()
	c.must(c.send(message{Method: method, Params: encode(params)}))
}

func (c *Client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// wait waits until the server does something.
func wait[T any](c *Client, what string, done <-chan T) T {
	c.t.Helper()
	var err error
	select {
	case value := <-done:
		return value
	case err = <-c.ended:
	case <-time.After(Patience):
		err = errors.New("timeout")
	}
	c.t.Fatalf("waiting for the server %s: %v", what, err)
	panic("unreachable")
}

func (c *Client) send(m message) error {
	m.Version = "2.0"
	data := encode(m)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	_, err := fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(data), data)
	return err
}

func encode(value any) json.RawMessage {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

// read handles the messages of the server until it ends.
func (c *Client) read(out *bufio.Reader) error {
	for {
		header, err := textproto.NewReader(out).ReadMIMEHeader()
		if err != nil {
			return fmt.Errorf("the server has ended: %w", err)
		}
		length, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			return fmt.Errorf("a message of the server has no length: %w", err)
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(out, data); err != nil {
			return fmt.Errorf("the server ended within a message: %w", err)
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return fmt.Errorf("the server sent %q: %w", data, err)
		}
		if err := c.take(m); err != nil {
			return err
		}
	}
}

// take handles a message: an answer, a request, or a notification. Only notifications of diagnostics matter.
func (c *Client) take(m message) error {
	switch {
	case m.Method == "" && m.ID != nil:
		return c.answered(m)
	case m.Method == "textDocument/publishDiagnostics":
		return c.marked(m)
	case m.Method == "workspace/configuration":
		return c.configure(m)
	case m.ID != nil:
		return c.send(message{ID: m.ID, Result: encode(nil)})
	}
	return nil
}

func (c *Client) answered(m message) error {
	var id int
	if err := json.Unmarshal(m.ID, &id); err != nil {
		return fmt.Errorf("the server answered %s: %w", m.ID, err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if answered, ok := c.answers[id]; ok {
		delete(c.answers, id)
		answered <- m
	}
	return nil
}

// marked stores the diagnostics of a file. The first ones published are those of the opened text.
func (c *Client) marked(m message) error {
	var params struct {
		URI         string       `json:"uri"`
		Diagnostics []Diagnostic `json:"diagnostics"`
	}
	if err := json.Unmarshal(m.Params, &params); err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if published, ok := c.published[params.URI]; ok {
		delete(c.published, params.URI)
		published <- params.Diagnostics
	}
	return nil
}

// configure answers a request for settings.
func (c *Client) configure(m message) error {
	var params struct {
		Items []struct {
			Section string `json:"section"`
		} `json:"items"`
	}
	if err := json.Unmarshal(m.Params, &params); err != nil {
		return err
	}
	values := make([]any, len(params.Items))
	for i, item := range params.Items {
		values[i] = c.settings[item.Section]
	}
	if err := c.send(message{ID: m.ID, Result: encode(values)}); err != nil {
		return err
	}
	select {
	case <-c.configured:
	default:
		close(c.configured)
	}
	return nil
}

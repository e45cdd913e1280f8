package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// browser is a window of a headless Chromium, by the WebDriver protocol.
// https://www.w3.org/TR/webdriver2/
type browser struct {
	t       *testing.T
	session string // its URL
}

// arguments keep Chromium to the page: no sandbox, which root cannot have, and
// nothing that it would do by itself.
var arguments = []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"}

func openBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	b := &browser{t: t, session: startDriver(t) + "/session"}
	var created struct{ SessionID string }
	b.must(b.call("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{
			"binary": need.Command(t, "chromium", "chromium"),
			"args":   append(arguments, "--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=%d,%d", width, height)),
		},
	}}}, &created))
	b.session += "/" + created.SessionID
	t.Cleanup(func() { b.must(b.call("DELETE", "", nil, nil)) })
	return b
}

// startDriver starts chromedriver on a port that it chooses, and returns its URL.
func startDriver(t *testing.T) string {
	t.Helper()
	var out need.Output
	driver := exec.Command(need.Command(t, "chromedriver", "chromium-driver"), "--port=0")
	driver.Stdout, driver.Stderr = &out, &out
	driver.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-driver.Process.Pid, syscall.SIGKILL)
		driver.Wait()
	})
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	eventually(t, func() error {
		if !started.MatchString(out.String()) {
			return fmt.Errorf("chromedriver has not started: %s", out.String())
		}
		return nil
	})
	return "http://127.0.0.1:" + started.FindStringSubmatch(out.String())[1]
}

func (b *browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// call sends a command of the protocol, and reads what it returns into value.
func (b *browser) call(method, command string, parameters, value any) error {
	var body bytes.Buffer
	if parameters != nil {
		if err := json.NewEncoder(&body).Encode(parameters); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, b.session+command, &body)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("WebDriver %s: %w", command, err)
	}
	if response.StatusCode != http.StatusOK {
		var failure struct{ Error, Message string }
		json.Unmarshal(answer.Value, &failure)
		return fmt.Errorf("WebDriver %s: %s: %s", command, failure.Error, failure.Message)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.must(b.call("POST", "/url", map[string]string{"url": url}, nil))
}

// evaluate runs a script in the page, and reads what it returns into value.
func (b *browser) evaluate(script string, value any, arguments ...any) error {
	return b.call("POST", "/execute/sync", map[string]any{"script": script, "args": append([]any{}, arguments...)}, value)
}

// screenshot is the window's content, as PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	var encoded string
	b.must(b.call("GET", "/screenshot", nil, &encoded))
	png, err := base64.StdEncoding.DecodeString(encoded)
	b.must(err)
	return png
}

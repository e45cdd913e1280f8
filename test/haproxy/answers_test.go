package haproxy

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// answerRow is a row of the table of answers in docs/coming-from.md: what an
// agent says, and the status and weight that HAProxy then shows.
var answerRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| (\\d+) \\|")

// HAProxy shows a server that was UP with weight 100 as docs/coming-from.md says, for
// the answers of scripts.
func TestAnswersOfScriptsAsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(need.Root(t), "docs", "coming-from.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := answerRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) < 8 {
		t.Fatalf("docs/coming-from.md has only %d answers", len(rows))
	}
	for _, row := range rows {
		answer, want := row[1], fields{"status": row[2], "weight": row[3]}
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			host := newHost()
			a := &instance{host: host, port: freePort(t, host)}
			asked := make(chan struct{})
			listenInstead(t, a, func(conn *net.TCPConn) {
				conn.Write([]byte(answer + "\n"))
				conn.CloseWrite()
				conn.Read(make([]byte, 100)) // the payload
				conn.Close()
				select {
				case asked <- struct{}{}:
				default:
				}
			})
			b := startHAProxy(t, oneServer(t, a, "weight 100"))
			for range 3 { // so that two of them have been acted upon
				<-asked
			}
			b.expect("web/a", want)
		})
	}
}

// Command imports measures what packages of the standard library cost a program
// that uses one thing of each, in binary size and in resident memory while it waits,
// and how much memory Go's runtime reserves for processors.
//
//	go run ./bench/imports
package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// uses are programs, by their imports in addition to syscall. Each waits in epoll at
// the end, as the agent does.
var uses = []struct{ imports, use string }{
	{"", ""},
	{"strconv sync", `var m sync.Mutex; m.Lock(); print(strconv.Quote("x"))`},
	{"time", `print(time.Since(time.Now()))`},
	{"os", `print(os.Getenv("X"), len(os.Args))`},
	{"os os/signal", `c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGHUP)`},
	{"net/netip", `a, _ := netip.ParseAddr("::1"); print(a.String())`},
	{"fmt", `fmt.Print("x")`},
	{"encoding/json", `var v struct{ X int }; json.Unmarshal([]byte("{}"), &v)`},
	{"net", `l, _ := net.Listen("tcp", "127.0.0.1:0"); print(l.Addr().String())`},
	{"log/slog", `slog.Info("x")`},
}

const runs = 7

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "imports:", err)
		os.Exit(1)
	}
}

// processors are numbers of them that Go's runtime is told to prepare for.
var processors = []int{2, 8, 64, 256}

func run() error {
	dir, err := os.MkdirTemp("", "imports")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "program")
	if err := measureImports(dir, binary); err != nil {
		return err
	}
	return measureProcessors(dir, binary)
}

func measureImports(dir, binary string) error {
	fmt.Println("| imports besides syscall | binary, bytes | memory, kB |\n|---|---:|---:|")
	for _, u := range uses {
		if err := build(dir, binary, u.imports, u.use); err != nil {
			return err
		}
		info, err := os.Stat(binary)
		if err != nil {
			return err
		}
		kB, err := median(runs, func() (int, error) { return resident(binary, 2) })
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %d |\n", cmp.Or(u.imports, "none"), info.Size(), kB)
	}
	return nil
}

func measureProcessors(dir, binary string) error {
	if err := build(dir, binary, "", ""); err != nil {
		return err
	}
	fmt.Println("\n| GOMAXPROCS, no imports | memory, kB |\n|---:|---:|")
	for _, n := range processors {
		kB, err := median(runs, func() (int, error) { return resident(binary, n) })
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %d |\n", n, kB)
	}
	return nil
}

func build(dir, binary, imports, use string) error {
	var source strings.Builder
	source.WriteString("package main\nimport \"syscall\"\n")
	for name := range strings.FieldsSeq(imports) {
		fmt.Fprintf(&source, "import %q\n", name)
	}
	fmt.Fprintf(&source, "func main() { %s\nfd, _ := syscall.EpollCreate1(0)\nsyscall.EpollWait(fd, make([]syscall.EpollEvent, 1), 60_000) }\n", use)
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(source.String()), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", binary, file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// resident is VmRSS of proc_pid_status(5) once the program waits, in kB.
func resident(binary string, processors int) (int, error) {
	cmd := exec.Command(binary)
	cmd.Env = []string{"GOMAXPROCS=" + strconv.Itoa(processors)}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	time.Sleep(200 * time.Millisecond)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	return strconv.Atoi(strings.Fields(after)[0])
}

func median(n int, measure func() (int, error)) (int, error) {
	all := make([]int, n)
	for i := range all {
		var err error
		if all[i], err = measure(); err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	return all[n/2], nil
}

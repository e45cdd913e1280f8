package allowedsigners

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	defer func(was *time.Location) { time.Local = was }(time.Local)
	time.Local = berlin
	for text, want := range map[string]string{
		"20240601Z":         "2024-06-01T00:00:00Z",
		"20240601z":         "2024-06-01T00:00:00Z",
		"20240601utc":       "2024-06-01T00:00:00Z",
		"202406011234Z":     "2024-06-01T12:34:00Z",
		"20240601123456Z":   "2024-06-01T12:34:56Z",
		"20240601123460Z":   "2024-06-01T12:35:00Z",
		"20230230Z":         "2023-03-02T00:00:00Z",
		"2024 6 1Z":         "2024-06-01T00:00:00Z",
		"20240101":          "2023-12-31T23:00:00Z",
		"20240601":          "2024-05-31T22:00:00Z",
		"99991231235959UTC": "9999-12-31T23:59:59Z",
	} {
		if got, err := ParseTime(text); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", text, got.UTC(), err, want)
		}
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for _, text := range []string{"", "Z", "UTC", "2024", "20240001Z", "20241301Z", "20240100Z", "20240132Z", "202401012400Z",
		"202401010060Z", "20240101000062Z", "19700101Z", "19691231Z", "00000101Z", "2024-6-1Z", "+2240101Z", "2024_101Z",
		"20240101ZZ", " 20240101Z", "20240101 Z", "2024010Z", "tomorrow", "２０２４０１Z"} {
		if got, err := ParseTime(text); !errors.Is(err, ErrTime) {
			t.Errorf("ParseTime(%q) = %v, %v; want an error", text, got, err)
		}
	}
}

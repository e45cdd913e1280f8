package signatures

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// timeQuestions are about the form of times, their order, and their zone.
func timeQuestions(t *testing.T) (questions []question) {
	s := newEd25519(t)
	armored := newParts(s, "file", "sha512").armored()
	ask := func(options, at, zone string) {
		questions = append(questions, question{name: fmt.Sprintf("%s at %q in %s", options, at, zone), armored: armored,
			signers: me + " " + options + " " + keyText(s.key) + "\n", verifyTime: at, zone: zone})
	}
	for _, at := range []string{"20240601115959Z", "20240601120000Z", "20240601120001Z", "202406011159Z", "202406011200Z", "202406011201Z",
		"20240531Z", "20240601Z", "20240602Z", "20240601", "20240601120000", "20240601140000", "20240601130000", "20241201120000", "20240601120000z", "20240601120000UTC", "20240601120000utc", "20240601120000GMT"} {
		for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} {
			ask(`valid-after="20240601120000Z"`, at, zone)
			ask(`valid-before="20240601120000Z"`, at, zone)
			ask(`valid-before="20240601120000"`, at, zone)
		}
	}
	for _, text := range []string{"", "Z", "2024", "202406", "2024060", "20240601", "202406011", "2024060112", "20240601120", "202406011200", "2024060112000", "20240601120000",
		"202406011200000", "20240601120000ZZ", "20240601 Z", " 20240601", "20240601T12", "2024-06-01", "20240601120060", "20240601120061", "20240601120062", "20240601126000",
		"20240601240000", "20240630", "20240631", "20240632", "20240229", "20230229", "20230230", "20240231", "20240200", "20240001", "20241301", "20241201", "00000101", "19691231Z", "19700101Z", "19700101000001Z",
		"19700102Z", "20380119031408Z", "21060207062816Z", "99991231Z", "99991231235959Z", "2024 6 1", "2024 601", "20240 01", "   40601", "    0601", "2024060 ", "+0240601", "-0240601", "2024+601", "2024-601", "0x240601", "２０２４",
		"20240a01", "2024060a", "never", "now", "always", "forever", "UTC", "0UTC", "1717243200", "20240601\n", "20240601120000.5"} {
		ask(`valid-after="`+text+`"`, "20240615Z", "UTC")
		ask(`valid-before="`+text+`"`, "20240615Z", "UTC")
		ask(`valid-after="20240601Z"`, text, "UTC")
		ask(`valid-before="`+text+`Z"`, "20240601000000Z", "Europe/Berlin")
	}
	random := rand.New(rand.NewPCG(3, 4))
	number := func(low, high, digits int) string { return fmt.Sprintf("%0*d", digits, low+random.IntN(high-low)) }
	moment := func() string {
		text := number(2023, 2026, 4) + number(0, 14, 2) + number(0, 33, 2)
		if random.IntN(2) == 0 {
			text += number(0, 26, 2) + number(0, 62, 2)
		}
		if random.IntN(2) == 0 {
			text += "Z"
		}
		return text
	}
	for range 250 {
		ask(`valid-after="`+moment()+`",valid-before="`+moment()+`"`, moment(), [2]string{"UTC", "Europe/Berlin"}[random.IntN(2)])
	}
	return questions
}

package signatures

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// lineQuestions are lines of allowed_signers written by hand. KEY stands for
// the key that signed, CA for one that certified nothing, and OTHER for
// another's.
func lineQuestions(t *testing.T) (questions []question) {
	s, other := newEd25519(t), newEd25519(t)
	armored := newParts(s, "file", "sha512").armored()
	long := strings.Repeat("x", 1021)
	base64 := strings.Fields(keyText(s.key))[1]
	replace := strings.NewReplacer("KEY", keyText(s.key), "OTHER", keyText(other.key), "BASE64", base64,
		"LONG", long)
	for _, text := range []string{
		"", "\n", "\n\n\n", "#", "# comment\n", " \t\n", "\r\n", "KEY", "KEY\n", me, me + "\n", me + " ", me + " \n",
		me + " KEY", me + " KEY\n", me + " KEY\r\n", me + " KEY comment\n", me + " KEY comment with \"quote\n",
		"  " + me + " KEY\n", "\t" + me + "\tKEY\n", me + "  \t KEY\n", me + "\rKEY\n", me + "\n KEY\n",
		"\v" + me + " KEY\n", "\ufeff" + me + " KEY\n", "\x00" + me + " KEY\n", me + " KEY\x00 garbage\n",
		me + "\x00 KEY\n", "# " + me + " KEY\n", me + " # KEY\n", " # x\n" + me + " KEY\n",
		`"` + me + `" KEY` + "\n", `"` + me + `"KEY` + "\n", `"` + me + " KEY\n", `me@"example.com" KEY` + "\n",
		`me"@example.com" KEY` + "\n", `m"e@example".com KEY` + "\n", `"me@example.com,a b" KEY` + "\n",
		`""me@example.com KEY` + "\n", `"" KEY` + "\n", `'` + me + `' KEY` + "\n", `me\@example.com KEY` + "\n",
		`"me@example.com\" KEY` + "\n", `x,"` + me + `",y KEY` + "\n", me + `"" KEY` + "\n",
		"* KEY\n", "?* KEY\n", "*@* KEY\n", "me@* KEY\n", "*.com KEY\n", "m*m KEY\n", "m?@example.com KEY\n", "?e@example.com KEY\n",
		"??@example.com KEY\n", "????@example.com KEY\n", "me@example.com* KEY\n", "me@example.com? KEY\n", "*me@example.com KEY\n",
		"**** KEY\n", "*e*e*e* KEY\n", "*e*e*e*e* KEY\n", "ME@EXAMPLE.COM KEY\n", "me@example.co[m] KEY\n", "me@example KEY\n",
		"a,me@example.com KEY\n", "me@example.com,a KEY\n", ",me@example.com KEY\n", "me@example.com, KEY\n", ",, KEY\n", "a,,me@example.com KEY\n",
		"me@example.com ,a KEY\n", "a, me@example.com KEY\n",
		"!me@example.com KEY\n", "!me@example.com,* KEY\n", "*,!me@example.com KEY\n", "me@example.com,!me@example.com KEY\n", "!you@example.com KEY\n",
		"!you@example.com,* KEY\n", "!!me@example.com KEY\n", "!,* KEY\n", "*,! KEY\n", "!*,me@example.com KEY\n", "! KEY\n",
		"!me@example.com,* KEY\n*@example.com KEY\n", "you@example.com KEY\nme@example.com KEY\n",
		"LONG KEY\n", "LONGx,* KEY\n", "LONGxx,* KEY\n", "*,LONGx KEY\n", "*,LONGxx KEY\n", "*,!LONGxx KEY\n", "*,LONGxxLONG KEY\n", "*,!LONGx KEY\n",
		me + " OTHER\n" + me + " KEY\n", me + " KEY\n" + me + " OTHER\n", "garbage\n" + me + " KEY\n", me + " garbage\n" + me + " KEY\n", me + " KEY\ngarbage\n",
		`"` + "\n" + me + " KEY\n", me + ` namespaces="` + "\n" + me + " KEY\n", "\x7fELF\x00\x01\n" + me + " KEY\n",
		me + ` namespaces="git" KEY` + "\n" + me + " KEY\n", me + ` namespaces="git" KEY` + "\n",
		me + ` namespaces="file" KEY` + "\n", me + ` namespaces="FILE" KEY` + "\n", me + ` NameSpaces="file" KEY` + "\n", me + ` namespaces="" KEY` + "\n",
		me + ` namespaces=file KEY` + "\n", me + ` namespaces='file' KEY` + "\n", me + ` namespaces = "file" KEY` + "\n", me + ` namespaces KEY` + "\n",
		me + ` namespaces="file,git" KEY` + "\n", me + ` namespaces="git,file" KEY` + "\n", me + ` namespaces="git, file" KEY` + "\n",
		me + ` namespaces="!file,*" KEY` + "\n", me + ` namespaces="f*" KEY` + "\n", me + ` namespaces="!git" KEY` + "\n", me + ` namespaces="!git,*" KEY` + "\n",
		me + ` namespaces="file",namespaces="file" KEY` + "\n", me + ` namespaces="file"namespaces="file" KEY` + "\n", me + ` namespaces="file"x KEY` + "\n",
		me + ` namespaces="file", KEY` + "\n", me + ` ,namespaces="file" KEY` + "\n", me + ` , KEY` + "\n", me + ` ,, KEY` + "\n", me + ` namespaces="file",,namespaces="x" KEY` + "\n",
		me + ` namespaces="fi\"le" KEY` + "\n", me + ` namespaces="file\" KEY` + "\n", me + ` namespaces="fi\le" KEY` + "\n", me + ` namespaces="a b,file" KEY` + "\n",
		me + ` namespaces="LONGx,file" KEY` + "\n", me + ` namespaces="LONGxx,file" KEY` + "\n", me + ` namespaces="file,LONGxx" KEY` + "\n",
		me + ` cert-authority KEY` + "\n", me + ` CERT-AUTHORITY KEY` + "\n", me + ` cert-authority,cert-authority KEY` + "\n", me + ` no-cert-authority KEY` + "\n",
		me + ` cert-authoritynamespaces="file" KEY` + "\n", me + ` cert-authority=yes KEY` + "\n", me + ` cert-authority="x" KEY` + "\n",
		me + ` unknown KEY` + "\n", me + ` unknown="x" KEY` + "\n", me + ` restrict KEY` + "\n", me + ` namespaces="file",unknown KEY` + "\n", me + ` unknown,namespaces="file" KEY` + "\n",
		me + ` valid-before="20300101Z" KEY` + "\n", me + ` valid-before=20300101Z KEY` + "\n", me + ` valid-before="" KEY` + "\n", me + ` valid-before="never" KEY` + "\n",
		me + ` valid-after="20200101Z",valid-before="20990101Z" KEY` + "\n", me + ` valid-after="20200101Z" KEY` + "\n", me + ` valid-after="20990101Z" KEY` + "\n",
		me + ` valid-after="20990101Z",valid-before="20200101Z" KEY` + "\n", me + ` valid-after="20200101Z",valid-before="20200101Z" KEY` + "\n",
		me + ` valid-before="20990101Z",valid-before="20990101Z" KEY` + "\n", me + ` valid-after="20200101Z",valid-after="20200101Z" KEY` + "\n",
		me + ` Valid-After="20200101z",VALID-BEFORE="20990101utc" KEY` + "\n", me + ` valid-after="20200101Z" valid-before="20990101Z" KEY` + "\n",
		me + " namespaces=\"file\"\tKEY\n", me + " namespaces=\"file\"\rKEY\n", me + " namespaces=\"file\" \t KEY\n",
		me + " ssh-ed25519 BASE64\n", me + " SSH-ED25519 BASE64\n", me + " ed25519 BASE64\n", me + " ssh-rsa BASE64\n", me + " BASE64\n", me + " ssh-ed25519\n",
		me + " ssh-ed25519 \n", me + " ssh-ed25519  \t BASE64\n", me + " ssh-ed25519\tBASE64\tcomment\n", me + " ssh-ed25519BASE64\n", me + ` "ssh-ed25519" BASE64` + "\n",
		me + ` ssh-ed25519 "BASE64"` + "\n", me + " ssh-ed25519 BASE64=\n", me + " ssh-ed25519 BASE64\v\n", me + " ssh-ed25519 BASE64#comment\n", me + " ssh-ed25519 BASE64\ncomment\n",
		me + " ssh-ed25519 " + base64[:20] + "\v" + base64[20:] + "\n", me + " ssh-ed25519 " + base64[:20] + " " + base64[20:] + "\n", me + " ssh-ed25519 " + base64[:20] + "\n" + base64[20:] + "\n",
		me + " ssh-ed25519 ssh-ed25519 BASE64\n", me + " namespaces=\"file\" ssh-ed25519\n", me + " namespaces=\"file\"\n", me + " namespaces=\"file\" \n",
		me + " namespaces=\"file\" namespaces=\"file\" KEY\n", me + " 256 KEY\n", me + " @cert-authority KEY\n", "@cert-authority " + me + " KEY\n",
		me + " ssh-ed25519-cert-v01@openssh.com BASE64\n", me + strings.Repeat(" ", 100000) + "KEY\n", strings.Repeat("a,", 50000) + me + " KEY\n", strings.Repeat("#\n", 10000) + me + " KEY\n",
	} {
		questions = append(questions, question{name: fmt.Sprintf("line %.200q", text), armored: armored, signers: replace.Replace(text)})
	}
	for _, identity := range []string{"*", "?", "!me@example.com", "me@example.com,a", "m*", "a b", "ü", "\\", "-x", "me@example.com ", "#", long, long + "x", long + "xxxxx"} {
		for _, principals := range []string{"*", "me@example.com", `"` + identity + `"`, "?", `\*`, "ü", "?ü", "??"} {
			questions = append(questions, question{name: fmt.Sprintf("identity %.20q listed for %.20q", identity, principals), armored: armored,
				identity: identity, signers: principals + " " + keyText(s.key) + "\n"})
		}
	}
	for _, namespace := range []string{"*", "a,b", "!x", long, long + "xxxxx", "ü", "\"", "a b"} {
		for _, allowed := range []string{"*", "a", "a*", "!x,*", "?", "??", strings.ReplaceAll(namespace, `"`, `\"`)} {
			questions = append(questions, question{name: fmt.Sprintf("namespace %.20q allowed %.20q", namespace, allowed), namespace: namespace,
				armored: newParts(s, namespace, "sha512").armored(), signers: me + ` namespaces="` + allowed + `" ` + keyText(s.key) + "\n"})
		}
	}
	return questions
}

// randomLines put pieces of lines together without sense.
func randomLines(t *testing.T) (questions []question) {
	s, other := newEd25519(t), newEd25519(t)
	armored := newParts(s, "file", "sha512").armored()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(pieces ...string) string { return pieces[random.IntN(len(pieces))] }
	some := func(n int, pieces ...string) (text string) {
		for range random.IntN(n + 1) {
			text += pick(pieces...)
		}
		return text
	}
	line := func() string {
		if random.IntN(20) == 0 {
			return some(5, "a", `"`, " ", "#", ",", "=", "\\", "\t", "ssh-ed25519", "\r")
		}
		principals := some(1, " ", "\t", "#") + some(1, `"`) + some(3, me, "*", "!", ",", "a", "?e@*", "!you,", "*,") + pick(me, me, "*", "a", "", `"`)
		options := some(3, `namespaces="file"`, `namespaces="git"`, `namespaces="!a,f*"`, "cert-authority", `valid-before="20990101"`,
			`valid-after="20200101Z"`, `valid-before="20200101"`, "x", `"`, ",", ",", ",", ",", " ", `\"`)
		key := pick(keyText(s.key), keyText(s.key), keyText(s.key), keyText(other.key), "ssh-ed25519", strings.ToUpper(keyText(s.key)))
		return principals + pick(" ", " ", " ", "\t", "") + options + pick(" ", " ", " ", "\t", "") + key + some(1, " comment", "\r", ",", " \"")
	}
	for i := range 700 {
		text := line() + "\n"
		if random.IntN(3) == 0 {
			text += line() + "\n"
		}
		questions = append(questions, question{name: fmt.Sprintf("%d %q", i, text), armored: armored, signers: text})
	}
	return questions
}

// lostQuestions give one option an empty value, as a script with an unset variable
// does. Everything else is good.
func lostQuestions(t *testing.T) (questions []question) {
	s := newEd25519(t)
	for _, option := range []string{"", "-I", "-n", "-f", "-s", "-r", "-O"} {
		questions = append(questions, question{name: "lost " + option, armored: newParts(s, "file", "sha512").armored(),
			signers: allow(s.key), revocation: []byte("# nobody\n"), verifyTime: "20260101Z", lost: option})
	}
	return questions
}

package haproxy

import (
	"fmt"
	"testing"
)

func TestWeightIsPercentOfConfiguredWeight(t *testing.T) {
	t.Parallel()
	tests := []struct{ configured, agent, effective int }{
		{100, 50, 50},
		{50, 50, 25},
		{100, 77, 77},
		{100, 100, 100},
		{100, 0, 0},
		{100, 255, 255},
		{50, 255, 127},
		{256, 255, 256}, // the largest that there is
		{1, 77, 0},      // so give servers a weight of 100
		{3, 50, 1},
	}
	config := basicConfig + "backend web\n"
	want := map[string]fields{}
	for i, test := range tests {
		a := startAgent(t, fmt.Sprintf(`{"status":"UP","weight":%d}`, test.agent))
		config += fmt.Sprintf("\tserver s%d 127.0.0.1:1 weight %d %s\n", i, test.configured, a.check())
		want[fmt.Sprintf("web/s%d", i)] = fields{"weight": fmt.Sprint(test.effective), "agent_status": "L7OK"}
	}
	startHAProxy(t, config).expectAll(want)
}

func TestWeightThatIsLeftOutStays(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":50}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100"))
	b.expect("web/a", fields{"weight": "50"})
	a.change(t, `{"status":"UP","maxconn":7}`)
	b.expect("web/a", fields{"slim": "7", "weight": "50"})
	a.change(t, `{"status":"UP","weight":100}`)
	b.expect("web/a", fields{"slim": "7", "weight": "100"})
}

func TestStaticAlgorithmTakesWeightsOf0And100Only(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":50,"maxconn":7}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100")+"\tbalance static-rr\n")
	b.expect("web/a", fields{"slim": "7", "weight": "100"})
	a.change(t, `{"status":"UP","weight":0}`)
	b.expect("web/a", fields{"weight": "0"})
	a.change(t, `{"status":"UP","weight":100}`)
	b.expect("web/a", fields{"weight": "100"})
}

func TestMaxconnIsSlim(t *testing.T) {
	t.Parallel()
	const unlimited = "" // as "show stat" has it
	a := startAgent(t, `{"status":"UP","maxconn":300}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100 maxconn 10"))
	b.expect("web/a", fields{"slim": "300"})
	for _, step := range []struct{ maxconn, slim string }{
		{"65535", "65535"},
		{"1", "1"},
		{"0", unlimited},
		{"300", "300"},
		{"null", "300"}, // left out of the answer, so it stays
		{"0", unlimited},
		{"null", unlimited},
	} {
		// the weight tells that HAProxy has the answer, also where slim does not change
		a.change(t, `{"status":"UP","weight":1,"maxconn":`+step.maxconn+`}`)
		b.expect("web/a", fields{"weight": "1", "slim": step.slim})
		a.change(t, `{"status":"UP","weight":100}`)
		b.expect("web/a", fields{"weight": "100", "slim": step.slim})
	}
}

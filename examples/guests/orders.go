package guests

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Orders returns n requests to the server of OrdersSource, a line each: mostly orders, which need
// what was stocked before, and now and then a report. The same n gives the same requests.
func Orders(n int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	tags := []string{"steel", "brass", "wood", "nylon"}
	var b strings.Builder
	for id := 1; id <= n; id++ {
		switch k := rng.IntN(20); {
		case k == 0 || id <= 4:
			fmt.Fprintf(&b, `{"id":%d,"do":"stock","items":[`, id)
			for i := range 8 {
				part := rng.IntN(64)
				fmt.Fprintf(&b, `%s{"name":"part %d","count":%d,"cents":%d,"tags":["%s","%s"]}`, comma(i),
					part, 50+rng.IntN(200), 5+part*7%90, tags[part%4], tags[part/4%4])
			}
			b.WriteString("]}\n")
		case k == 1:
			fmt.Fprintf(&b, `{"id":%d,"do":"report","tag":"%s"}`+"\n", id, tags[rng.IntN(4)])
		default:
			fmt.Fprintf(&b, `{"id":%d,"do":"order","customer":"customer %d","items":[`, id, rng.IntN(40))
			for i := range 1 + rng.IntN(5) {
				fmt.Fprintf(&b, `%s{"name":"part %d","count":%d}`, comma(i), rng.IntN(64), 1+rng.IntN(12))
			}
			b.WriteString("]}\n")
		}
	}
	return b.String()
}

// comma returns what stands before the i-th of a list.
func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

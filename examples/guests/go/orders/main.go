// Command orders is a server in Go: each line of its input is a request in JSON, each line of its
// output the answer. It keeps what is in stock and what was ordered.
//
//	{"id": 1, "do": "stock", "items": [{"name": "bolt", "count": 90, "cents": 25, "tags": ["steel"]}]}
//	{"id": 2, "do": "order", "customer": "ada", "items": [{"name": "bolt", "count": 12}]}
//	{"id": 3, "do": "report", "tag": "steel"}
//
// It is built for WASI: GOOS=wasip1 GOARCH=wasm go build.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

type item struct {
	Name  string   `json:"name"`
	Count int      `json:"count"`
	Cents int      `json:"cents,omitempty"`
	Tags  []string `json:"tags,omitempty"`
}

type request struct {
	ID       int    `json:"id"`
	Do       string `json:"do"`
	Customer string `json:"customer"`
	Tag      string `json:"tag"`
	Items    []item `json:"items"`
}

type answer struct {
	ID        int            `json:"id"`
	Error     string         `json:"error,omitempty"`
	Cents     int            `json:"cents,omitempty"`
	Short     []string       `json:"short,omitempty"` // items of which there are too few
	Items     []item         `json:"items,omitempty"`
	Customers map[string]int `json:"customers,omitempty"` // what each has spent, in cents
}

type server struct {
	stock map[string]*item
	spent map[string]int
}

func main() {
	s := server{stock: map[string]*item{}, spent: map[string]int{}}
	if err := s.serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// serve answers each line of in on out.
func (s *server) serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for lines.Scan() {
		var r request
		a := answer{}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			a.Error = err.Error()
		} else {
			a = s.answer(r)
		}
		if err := encoder.Encode(a); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *server) answer(r request) answer {
	switch r.Do {
	case "stock":
		s.add(r.Items)
		return answer{ID: r.ID}
	case "order":
		return s.order(r)
	case "report":
		return s.report(r)
	}
	return answer{ID: r.ID, Error: fmt.Sprintf("nothing can be done that is called %q", r.Do)}
}

func (s *server) add(items []item) {
	for _, it := range items {
		if have := s.stock[it.Name]; have != nil {
			it.Count += have.Count
		}
		s.stock[it.Name] = &it
	}
}

// order takes all items from stock, or none.
func (s *server) order(r request) answer {
	a := answer{ID: r.ID}
	for _, it := range r.Items {
		if have := s.stock[it.Name]; have == nil || have.Count < it.Count {
			a.Short = append(a.Short, it.Name)
		}
	}
	if a.Short != nil {
		return a
	}
	for _, it := range r.Items {
		have := s.stock[it.Name]
		have.Count -= it.Count
		a.Cents += it.Count * have.Cents
	}
	s.spent[r.Customer] += a.Cents
	return a
}

// report lists what is in stock with a tag, the most valuable first, and what customers spent.
func (s *server) report(r request) answer {
	a := answer{ID: r.ID, Customers: s.spent}
	for _, it := range s.stock {
		if slices.Contains(it.Tags, r.Tag) {
			a.Items = append(a.Items, *it)
		}
	}
	slices.SortFunc(a.Items, func(x, y item) int {
		return cmp.Or(cmp.Compare(y.Count*y.Cents, x.Count*x.Cents), cmp.Compare(x.Name, y.Name))
	})
	return a
}

// Command sums is an idiomatic guest: sums TYPE STEPS. It says at which step it begins, and at the
// end what its vector is.
package main

import (
	"fmt"
	"os"
	"strconv"

	"sojourn/compat/guest"
)

func main() {
	steps, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	switch os.Args[1] {
	case "int8":
		sum[int8](steps)
	case "uint16":
		sum[uint16](steps)
	case "int64":
		sum[int64](steps)
	case "float32":
		sum[float32](steps)
	case "float64":
		sum[float64](steps)
	case "empty":
		guest.Restore([]int32{})
	}
}

func sum[T guest.Number](steps int) {
	state := make([]T, 3) // steps done, and two sums
	guest.Restore(state)
	fmt.Println("at", state[0])
	for int(state[0]) < steps {
		for range 10_000 {
			state[1] = state[1]/2 + state[0]
			state[2] -= state[1]
		}
		state[0]++
		guest.Checkpoint(state)
	}
	fmt.Println(state)
}

package main

// benchResult is what bench writes: a value for each repetition.
type benchResult struct {
	CompileMS   float64   `json:"compile_ms"`
	Instantiate []float64 `json:"instantiate_ms"`
	Execute     []float64 `json:"execute_ms"`
	CPU         []float64 `json:"cpu_ms"`                  // of both, processor time
	Checkpoint  []float64 `json:"checkpoint_us,omitempty"` // mean of a run
	Restore     []float64 `json:"restore_us,omitempty"`
}

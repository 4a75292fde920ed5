// Package examples has no code: its tests run the example programs as a person does.
package examples

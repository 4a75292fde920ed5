// Package archtest has no code: its tests hold the whole module to the rules of its architecture.
// Imports point one way, wazero is imported in one place, and the main binary is pure Go.
package archtest

// Package spectest has no code: its tests run the specification's own tests, and write
// down in docs/CONFORMANCE.md how many pass.
//
// The scripts are those that wazero's module brings, read as data: commands in JSON,
// modules in binary. Each command runs on plain wazero, on the module made stoppable,
// and on the stoppable module frozen at every point and between commands: each time
// through snapshot bytes, into a fresh instance of the other engine. All of them must
// give what the script asks for, to the bit.
//
//	go test ./interp/spectest            # all scripts, and the table is as it was
//	go test ./interp/spectest -update    # writes the table
//	SOJOURN_SPEC=all go test …           # every point of long loops too
//	go test ./interp/spectest -run 'TestScripts/v2/br_table'
package spectest

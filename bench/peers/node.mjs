// node.mjs MODULE OUTPUT ARGS...: runs a WASI program twice, the second time into OUTPUT, and
// prints what that took.
import { readFileSync, openSync, closeSync } from "node:fs";
import { WASI } from "node:wasi";

const [, , file, output, ...args] = process.argv;
const module = await WebAssembly.compile(readFileSync(file));
let took;
for (const path of ["/dev/null", output]) {
	const stdout = openSync(path, "w");
	const wasi = new WASI({ version: "preview1", args, stdout, returnOnExit: true });
	const wall = performance.now(), cpu = process.cpuUsage();
	const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
	const code = wasi.start(instance);
	const used = process.cpuUsage(cpu);
	took = { wall_ms: performance.now() - wall, cpu_ms: (used.user + used.system) / 1000 };
	closeSync(stdout);
	if (code !== 0) throw new Error(`it ends with ${code}`);
}
console.log(JSON.stringify(took));

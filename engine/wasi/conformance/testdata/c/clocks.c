// The four clocks of preview 1, two of which wazero's own host module does not have.
#include "wasi.h"

static const char *const names[] = {"real-time clock", "monotonic clock", "process clock", "thread clock"};

int main(void) {
	u64 res, first[4], now, last;
	u32 id, i, falls;
	for (id = 0; id < 4; id++) {
		res = 0;
		is("clock_res_get", names[id], clock_res_get(id, &res), OK);
		is("clock_res_get", "is above 0, below 1 s", res > 0 && res < 1000000000, 1);
		is("clock_time_get", names[id], clock_time_get(id, 1, &first[id]), OK);
	}
	is("clock_time_get", "real time is after 2020 and before 2100",
	   first[0] > 1577836800000000000ull && first[0] < 4102444800000000000ull, 1);
	is("clock_time_get", "monotonic time is not 0", first[1] > 0, 1);
	is("clock_time_get", "precision does not matter", clock_time_get(1, ~0ull, &now), OK);
	for (id = 1; id < 4; id++) {
		last = first[id], falls = 0;
		for (i = 0; i < 40; i++) {
			clock_time_get(id, 0, &now);
			falls += now < last;
			last = now;
		}
		is("clock_time_get", "never falls", falls, 0);
		is("clock_time_get", "goes on", last > first[id], 1);
	}
	is("clock_res_get", "no such clock", clock_res_get(4, &res), EINVAL);
	is("clock_time_get", "no such clock", clock_time_get(4, 0, &now), EINVAL);
	is("clock_res_get", "beyond memory", clock_res_get(0, NOWHERE + 1), EFAULT);
	is("clock_time_get", "beyond memory", clock_time_get(0, 0, NOWHERE + 1), EFAULT);
	return 0;
}

/* kmeans ROUNDS: k-means with its centres kept after each round. Idiomatic. */
#include "../../../compat/guest/migration.h"
#include "points.h"

int main(int argc, char **argv)
{
	long rounds = arg(argc, argv, 1, 10);
	struct {
		double round, centre[K][2];
	} state = {0, {{0}}};

	begin(state.centre);
	restore_bytes(&state, sizeof state);
	while (state.round < rounds) {
		assign(state.centre);
		state.round++;
		checkpoint_bytes(&state, sizeof state);
	}
	print(state.centre);
	return 0;
}

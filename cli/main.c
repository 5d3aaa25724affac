/* main.c - the program `weir`; everything else is in the library of this floor, so that tests can link it. */
#include "cli/cli.h"

int main(int argument_count, char **arguments) { return cli_main(argument_count, arguments); }

/* float_math.h - the float functions that rules see, without libm: the same bits on every host.
 *
 * They use only + - * / and sqrt in IEEE double (the build has -ffp-contract=off), so no library, processor or fused
 * multiply-add changes a result. Error bounds (tested against libm): ln, exp and power below 0.55 units in the last
 * place (results below 2^-1022: 1 unit), so that results which are doubles themselves, as power(10, 3), come out
 * exactly; the sines below 2 and the arc sine below 4 units. Pure functions; any thread. */
#ifndef WEIR_BASE_FLOAT_MATH_H
#define WEIR_BASE_FLOAT_MATH_H

#include <stdbool.h>

#define FLOAT_EARTH_RADIUS_KM 6371.0088 /* mean radius R1 of the IUGG */

bool float_finite(double x);

/* Natural logarithm: -infinity of 0, not a number below. */
double float_ln(double x);
/* e^x: 0 or infinity beyond the range of a double. */
double float_exp(double x);
/* x^y. Of a negative x only where y is an integer, else not a number; 0^0 is 1; 0 to a negative power is infinity. */
double float_power(double x, double y);
/* x - y * trunc(x / y), exact; the sign of x; y is not 0. */
double float_modulo(double x, double y);

/* Of degrees, |x| at most 2^40. */
double float_sin_degrees(double x);
double float_cos_degrees(double x);
/* Radians, for -1 <= x <= 1. */
double float_asin(double x);

/* Great-circle distance on a sphere of FLOAT_EARTH_RADIUS_KM, by the haversine formula; degrees. */
double float_distance_km(double latitude1, double longitude1, double latitude2, double longitude2);

#endif

/* The same operations with the libsodium that the machine has; built and run by native.js. Prototypes are declared here,
 * so that the library is enough and its headers are not needed. Prints "name median best" in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int sodium_init(void);
const char *sodium_version_string(void);
int crypto_scalarmult_ristretto255(unsigned char *, const unsigned char *, const unsigned char *);
int crypto_scalarmult_ristretto255_base(unsigned char *, const unsigned char *);
int crypto_core_ristretto255_from_hash(unsigned char *, const unsigned char *);
int crypto_sign_seed_keypair(unsigned char *, unsigned char *, const unsigned char *);
int crypto_sign_detached(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long,
                         const unsigned char *);
int crypto_sign_verify_detached(const unsigned char *, const unsigned char *, unsigned long long,
                                const unsigned char *);
int crypto_hash_sha512(unsigned char *, const unsigned char *, unsigned long long);

static unsigned char k[32], p[32], out[64], uniform[64], message[100], seed[32], pk[32], sk[64], sig[64];
static unsigned char *megabyte;

static void multiply(void) { if (crypto_scalarmult_ristretto255(out, k, p)) exit(1); }
static void base(void) { if (crypto_scalarmult_ristretto255_base(out, k)) exit(1); }
static void from_hash(void) { crypto_core_ristretto255_from_hash(out, uniform); }
static void sign(void) { crypto_sign_detached(sig, NULL, message, sizeof message, sk); }
static void verify(void) { if (crypto_sign_verify_detached(sig, message, sizeof message, pk)) exit(1); }
static void sha100(void) { crypto_hash_sha512(out, message, sizeof message); }
static void sha1m(void) { crypto_hash_sha512(out, megabyte, 1 << 20); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
    double d = *(const double *) a - *(const double *) b;
    return d < 0 ? -1 : d > 0;
}

static void bench(const char *name, void (*call)(void)) {
    enum { ROUNDS = 101 };
    double times[ROUNDS];
    double start = now();
    int batch = 0;
    do { call(); batch++; } while (now() - start < 2000);
    for (int r = 0; r < ROUNDS; r++) {
        start = now();
        for (int i = 0; i < batch; i++) call();
        times[r] = (now() - start) / batch;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    printf("%s\t%f\t%f\n", name, times[ROUNDS / 2], times[0]);
}

int main(void) {
    if (sodium_init() < 0) return 1;
    megabyte = calloc(1 << 20, 1);
    for (int i = 0; i < 32; i++) k[i] = i * 7 + 1, seed[i] = i;
    k[31] &= 0x0f;
    for (int i = 0; i < 64; i++) uniform[i] = i * 3;
    crypto_core_ristretto255_from_hash(p, uniform);
    crypto_sign_seed_keypair(pk, sk, seed);
    sign();
    printf("version\t%s\n", sodium_version_string());
    bench("ristretto255 multiply", multiply);
    bench("ristretto255 multiplyBase", base);
    bench("ristretto255 fromUniformBytes", from_hash);
    bench("Ed25519 sign", sign);
    bench("Ed25519 verify", verify);
    bench("SHA-512, 100 bytes", sha100);
    bench("SHA-512, 1 MiB", sha1m);
    return 0;
}

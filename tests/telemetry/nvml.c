/* A stand-in for NVIDIA's NVML. What it says is in the file STATE, read at every call, so that a
   test changes the driver under a running program: the first word is how it behaves.
     ok      two GPUs: the first with memory of its own, the second in the machine's memory
     mig     one GPU divided into two instances
     none    a driver without a GPU
     lies    every number is as large as it can be
     lost    every call fails: the GPU fell off the bus
     hang    calls do not return until the word is another one
   Signatures and codes are those of nvml.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
typedef unsigned int uint;
typedef unsigned long long u64;
typedef struct { uint version; u64 total, reserved, free, used; } memory_t;
typedef struct { uint pid; u64 used; uint gpu_instance, compute_instance; } process_t;
typedef struct { uint gpu, memory; } utilization_t;

static int devices[8];

static void state(char *word) {
    word[0] = 0;
    FILE *file = fopen(STATE, "r");
    if (file) {
        if (fscanf(file, "%15s", word) != 1) word[0] = 0;
        fclose(file);
    }
}

static int is(const char *wanted) {
    char word[16];
    state(word);
    while (strcmp(word, "hang") == 0) {
        usleep(2000);
        state(word);
    }
    return strcmp(word, wanted) == 0;
}

static int number(void *device) { return (int)((int *)device - devices); }
/* 0 and 1 are GPUs, 4 and 5 instances of the first one. */
static int is_instance(void *device) { return number(device) >= 4; }

#define ALIVE if (is("lost")) return LOST
#define TELL(kind, place, value) do { ALIVE; *(place) = is("lies") ? (kind)-1 : (kind)(value); return OK; } while (0)

int nvmlInit_v2(void) { return OK; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the stand-in"; }
int nvmlSystemGetDriverVersion(char *out, uint length) { snprintf(out, length, "575.57.08"); return OK; }

int nvmlDeviceGetCount_v2(uint *count) {
    ALIVE;
    *count = is("none") ? 0 : is("mig") ? 1 : 2;
    return OK;
}
int nvmlDeviceGetHandleByIndex_v2(uint index, void **device) {
    ALIVE;
    if (index > 1) return INVALID;
    *device = &devices[index];
    return OK;
}
int nvmlDeviceGetName(void *device, char *out, uint length) {
    ALIVE;
    const char *names[] = { "NVIDIA Stand-in 24GB", "NVIDIA GB10", "", "", "NVIDIA Stand-in MIG 1g.12gb", "NVIDIA Stand-in MIG 2g.24gb" };
    snprintf(out, length, "%s", names[number(device)]);
    return OK;
}
int nvmlDeviceGetUUID(void *device, char *out, uint length) {
    ALIVE;
    snprintf(out, length, "%s-%d", is_instance(device) ? "MIG" : "GPU", number(device));
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_t *out) {
    ALIVE;
    if (number(device) == 1) return NOT_SUPPORTED;
    out->total = is_instance(device) ? 12ull << 30 : 24ull << 30;
    out->used = is("lies") ? (u64)-1 : is_instance(device) ? 1ull << 30 : 6ull << 30;
    out->free = out->total - out->used;
    out->reserved = 0;
    return OK;
}
int nvmlDeviceGetUtilizationRates(void *device, utilization_t *out) {
    (void)device;
    out->memory = 0;
    TELL(uint, &out->gpu, 63);
}
int nvmlDeviceGetTemperature(void *device, int sensor, uint *out) { (void)device; (void)sensor; TELL(uint, out, 58); }
int nvmlDeviceGetPowerUsage(void *device, uint *out) { (void)device; TELL(uint, out, 61400); }
int nvmlDeviceGetEnforcedPowerLimit(void *device, uint *out) { (void)device; TELL(uint, out, 72000); }
int nvmlDeviceGetTotalEnergyConsumption(void *device, u64 *out) { (void)device; TELL(u64, out, 5000000ull); }
int nvmlDeviceGetClockInfo(void *device, int type, uint *out) { (void)device; TELL(uint, out, type == 2 ? 6250 : 2040); }
int nvmlDeviceGetMaxClockInfo(void *device, int type, uint *out) { (void)device; TELL(uint, out, type == 2 ? 6251 : 2100); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, u64 *out) { (void)device; TELL(u64, out, 0x4 | 0x20 | 0x1); }
int nvmlDeviceGetPcieThroughput(void *device, int counter, uint *out) { (void)device; TELL(uint, out, counter == 0 ? 1500 : 2500); }
int nvmlDeviceGetFanSpeed_v2(void *device, uint fan, uint *out) {
    (void)fan;
    if (number(device) == 1) return NOT_SUPPORTED;
    TELL(uint, out, 40);
}
int nvmlDeviceGetMigMode(void *device, uint *current, uint *pending) {
    (void)device;
    ALIVE;
    *current = *pending = is("mig");
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *device, uint *count) { (void)device; ALIVE; *count = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, uint index, void **out) {
    (void)device;
    ALIVE;
    /* Places 0 and 3 are taken. */
    if (index != 0 && index != 3) return NOT_FOUND;
    *out = &devices[index == 0 ? 4 : 5];
    return OK;
}
static int processes(uint *count, process_t *out, uint pid) {
    ALIVE;
    if (!out || *count < 2) {
        *count = 2;
        return TOO_SMALL;
    }
    process_t list[2] = { { 1, 1ull << 20, ~0u, ~0u }, { pid, 5ull << 30, ~0u, ~0u } };
    memcpy(out, list, sizeof list);
    *count = 2;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, uint *count, process_t *out) {
    return processes(count, out, number(device) == 1 ? 2 : (uint)getpid());
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, uint *count, process_t *out) {
    (void)device;
    (void)out;
    ALIVE;
    *count = 0;
    return OK;
}

/* A double of NVIDIA's management library (NVML API reference, nvml.h), as much of it as is asked:
 * two GPUs whose index is not the minor number of their device, as on machines where the driver
 * numbers them in another order than the bus. */
#include <stdio.h>
#include <string.h>

typedef int ret;
enum { OK = 0, BAD_ARGUMENT = 2, NOT_FOUND = 6 };
typedef struct { const char *uuid; const char *name; unsigned minor; } gpu;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory;

static gpu gpus[2] = {
    { "GPU-00000000-aaaa-bbbb-cccc-000000000000", "NVIDIA H200", 241 },
    { "GPU-11111111-aaaa-bbbb-cccc-111111111111", "NVIDIA H200", 240 },
};

ret nvmlInit_v2(void) { return OK; }
ret nvmlShutdown(void) { return OK; }

static ret put(char *to, unsigned size, const char *text) {
    if (strlen(text) >= size) return 7;
    strcpy(to, text);
    return OK;
}

ret nvmlSystemGetDriverVersion(char *to, unsigned size) { return put(to, size, "580.95.05"); }
ret nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }

ret nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu **device) {
    if (index > 1) return BAD_ARGUMENT;
    *device = &gpus[index];
    return OK;
}

ret nvmlDeviceGetHandleByUUID(const char *uuid, gpu **device) {
    for (int i = 0; i < 2; i++) {
        if (!strcmp(gpus[i].uuid, uuid)) {
            *device = &gpus[i];
            return OK;
        }
    }
    return NOT_FOUND;
}

ret nvmlDeviceGetUUID(gpu *device, char *to, unsigned size) { return put(to, size, device->uuid); }
ret nvmlDeviceGetName(gpu *device, char *to, unsigned size) { return put(to, size, device->name); }
ret nvmlDeviceGetMinorNumber(gpu *device, unsigned *minor) { *minor = device->minor; return OK; }

ret nvmlDeviceGetMemoryInfo_v2(gpu *device, memory *info) {
    (void)device;
    if (info->version != (sizeof(memory) | 2u << 24)) return BAD_ARGUMENT;
    info->total = 143771ull << 20;
    info->reserved = info->used = 0;
    info->free = info->total;
    return OK;
}

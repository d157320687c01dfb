// The pause program of a pod sandbox: PID 1 of the pod's namespaces. It reaps children and ends on SIGTERM or SIGINT.
// Blocked signals are queued even for PID 1 (kernel: sig_ignored), so waiting for them needs no handlers.
    .globl _start
    .text
_start:
    mov     x8, #135                // rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)
    mov     x0, #0
    adr     x1, set
    mov     x2, #0
    mov     x3, #8
    svc     #0
wait_signal:
    mov     x8, #137                // rt_sigtimedwait(&set, NULL, NULL, 8)
    adr     x0, set
    mov     x1, #0
    mov     x2, #0
    mov     x3, #8
    svc     #0
    cmp     w0, #17                 // SIGCHLD
    b.eq    reap
    cmp     w0, #15                 // SIGTERM
    b.eq    leave
    cmp     w0, #2                  // SIGINT
    b.eq    leave
    b       wait_signal
reap:
    mov     x8, #260                // wait4(-1, NULL, WNOHANG, NULL)
    mov     x0, #-1
    mov     x1, #0
    mov     x2, #1
    mov     x3, #0
    svc     #0
    cmp     w0, #0
    b.gt    reap
    b       wait_signal
leave:
    mov     x8, #93                 // exit(0)
    mov     x0, #0
    svc     #0
    .balign 8
set:
    .quad   0x14002                 // SIGINT (bit 1), SIGTERM (bit 14), SIGCHLD (bit 16)

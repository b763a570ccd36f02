//! Quiet calls: calls on cold paths that keep every register, so that values which the hot path holds need not move out of the way of a call that hardly
//! ever happens. Cranelift's `preserve_all` convention has no result, and the C functions at the other end know nothing of it: a routine in between saves
//! the registers, makes an ordinary call, and leaves the result in memory. The arguments go through memory, too: a register that an argument must be in
//! is one more thing for the allocator to respect.

/// The block that the routine's one parameter points to: the function to call, which the result replaces, then the arguments.
pub(crate) const WORDS: u32 = 1 + ARGUMENTS as u32;

/// The function called can have up to so many integer parameters, or one double.
pub(crate) const ARGUMENTS: usize = 5;

/// The routine in between. `floats`: whether the caller holds values in floating-point registers. `None`: there is none for this machine.
pub(crate) fn routine(floats: bool) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    {
        Some(if floats { call_keeping_all as *const () as usize } else { call_keeping_integers as *const () as usize })
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = floats;
        None
    }
}

// Debuggers find their way through the routines by the directives for call frame information.

/// Saves the integer registers that a C function may change, calls with the arguments of the block, stores the result there.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn call_keeping_integers() {
    // Ten words on top of the return address leave the stack pointer 8 below a multiple of 16.
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa rsp, 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rax",
        "push rcx",
        "push rdx",
        "push rsi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "push rdi",
        "sub rsp, 8",
        "mov rax, rdi",
        "mov rdi, [rax + 8]",
        "mov rsi, [rax + 16]",
        "mov rdx, [rax + 24]",
        "mov rcx, [rax + 32]",
        "mov r8, [rax + 40]",
        "movsd xmm0, [rax + 8]",
        "call qword ptr [rax]",
        "add rsp, 8",
        "pop rdi",
        "mov [rdi], rax",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rax",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// The same with the floating-point registers: all of them may be changed by a C function.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn call_keeping_all() {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa rsp, 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "sub rsp, 256",
        "movups [rsp], xmm0",
        "movups [rsp + 16], xmm1",
        "movups [rsp + 32], xmm2",
        "movups [rsp + 48], xmm3",
        "movups [rsp + 64], xmm4",
        "movups [rsp + 80], xmm5",
        "movups [rsp + 96], xmm6",
        "movups [rsp + 112], xmm7",
        "movups [rsp + 128], xmm8",
        "movups [rsp + 144], xmm9",
        "movups [rsp + 160], xmm10",
        "movups [rsp + 176], xmm11",
        "movups [rsp + 192], xmm12",
        "movups [rsp + 208], xmm13",
        "movups [rsp + 224], xmm14",
        "movups [rsp + 240], xmm15",
        "call {integers}",
        "movups xmm0, [rsp]",
        "movups xmm1, [rsp + 16]",
        "movups xmm2, [rsp + 32]",
        "movups xmm3, [rsp + 48]",
        "movups xmm4, [rsp + 64]",
        "movups xmm5, [rsp + 80]",
        "movups xmm6, [rsp + 96]",
        "movups xmm7, [rsp + 112]",
        "movups xmm8, [rsp + 128]",
        "movups xmm9, [rsp + 144]",
        "movups xmm10, [rsp + 160]",
        "movups xmm11, [rsp + 176]",
        "movups xmm12, [rsp + 192]",
        "movups xmm13, [rsp + 208]",
        "movups xmm14, [rsp + 224]",
        "movups xmm15, [rsp + 240]",
        "add rsp, 256",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        integers = sym call_keeping_integers,
    )
}

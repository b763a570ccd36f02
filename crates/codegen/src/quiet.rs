//! Quiet calls: calls on cold paths that keep every register (`coachwhip_abi::quiet`), of any routine. Cranelift's `preserve_all` convention has no result: it is left in memory.
//! The arguments go through memory, too: a register that an argument must be in is one more thing for the allocator to respect.

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

#[cfg(target_arch = "x86_64")]
coachwhip_abi::keeping_registers!(
    call_keeping_integers,
    call_keeping_all,
    before [
        "mov rax, rdi",
        "mov rdi, [rax + 8]",
        "mov rsi, [rax + 16]",
        "mov rdx, [rax + 24]",
        "mov rcx, [rax + 32]",
        "mov r8, [rax + 40]",
        "movsd xmm0, [rax + 8]"
    ],
    call "call qword ptr [rax]",
    after ["mov [rdi], rax"]
);

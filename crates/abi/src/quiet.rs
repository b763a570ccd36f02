//! Routines that keep every register. Compiled code calls them on cold paths, so that values which the hot path holds need not move out of the way of a call that hardly ever
//! happens: Cranelift's `preserve_all` convention. C functions know nothing of it: a routine in between saves the registers and makes an ordinary call.

/// Defines two routines that save what a C function may change, make a call and bring it back: `$integers` for callers that hold values in integer registers only, `$all` for others.
/// Their one parameter is in `rdi`. `before` may set up arguments there, `after` finds the result in `rax` and the parameter in `rdi`.
///
/// Debuggers find their way through the routines by the directives for call frame information.
#[cfg(target_arch = "x86_64")]
#[macro_export]
macro_rules! keeping_registers {
    ($integers:ident, $all:ident, before [$($before:literal),*], call $call:literal, after [$($after:literal),*] $(, $name:ident = sym $target:path)?) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $integers() {
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
                $($before,)*
                $call,
                "add rsp, 8",
                "pop rdi",
                $($after,)*
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
                $($name = sym $target)?
            )
        }

        /// The same with the floating-point registers: all of them may be changed by a C function.
        #[unsafe(naked)]
        unsafe extern "C" fn $all() {
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
                integers = sym $integers,
            )
        }
    };
}

/// The addresses of two routines that [`keeping_registers`] defines over a C function of one pointer, in the order of [`crate::environment::Routines::deallocate_quietly`]; zeros
/// on machines for which there are none.
#[macro_export]
macro_rules! quiet_routines {
    ($target:path) => {{
        #[cfg(target_arch = "x86_64")]
        {
            $crate::keeping_registers!(keeping_integers, keeping_all, before [], call "call {target}", after [], target = sym $target);
            [keeping_integers as *const () as usize, keeping_all as *const () as usize]
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            [0, 0]
        }
    }};
}

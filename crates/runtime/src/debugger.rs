//! What gdb needs to walk through compiled code and to name it: for each piece an ELF file in memory with a symbol and call frame information, in the list of gdb's
//! JIT interface (gdb/jit.h; "JIT Compilation Interface" in its manual). gdb reads the list when it attaches, and stops at `__jit_debug_register_code` afterwards.
//!
//! The C library's unwinder is told nothing. It has no use for compiled code: no exception of another language may pass through it. And `pthread_exit`, by which
//! CPython 3.13 ends daemon threads at the end of the program (`PyThread_exit_thread`, Python/thread_pthread.h), stops unwinding at the first frame it does not know,
//! which is what is wanted: the frames behind are the runtime's and the interpreter's, which are not made for it.

use std::ptr::{self, NonNull};

use crate::code_memory::CodeMemory;

const REGISTER: u32 = 1;
const UNREGISTER: u32 = 2;

/// `struct jit_code_entry`
#[derive(Debug)]
#[repr(C)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    file: *const u8,
    size: u64,
}

/// `struct jit_descriptor`
#[derive(Debug)]
#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

/// gdb finds it by its name.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static mut __jit_debug_descriptor: Descriptor = Descriptor { version: 1, action: 0, relevant: ptr::null_mut(), first: ptr::null_mut() };

/// gdb sets a breakpoint here.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn __jit_debug_register_code() {
    std::hint::black_box(());
}

/// A piece of code that debuggers know of; forgotten when dropped. Made and dropped with the GIL held.
#[derive(Debug)]
pub(crate) struct Registration {
    entry: NonNull<Entry>,
    /// What `entry` points to.
    #[allow(dead_code)]
    file: Box<[u8]>,
}

impl Registration {
    /// Tells debuggers of a piece of code.
    ///
    /// # Safety
    /// The GIL is held.
    pub(crate) unsafe fn new(name: &str, memory: &CodeMemory, frames: &[u8]) -> Registration {
        let code = memory.bytes();
        let file = object_file(name, code.as_ptr() as u64, code.len() as u64, frames).into_boxed_slice();
        let entry = Box::into_raw(Box::new(Entry { next: ptr::null_mut(), previous: ptr::null_mut(), file: file.as_ptr(), size: file.len() as u64 }));
        // SAFETY: the list is only touched with the GIL held; its entries live until they are dropped.
        unsafe {
            let list = &raw mut __jit_debug_descriptor;
            (*entry).next = (*list).first;
            if let Some(next) = (*entry).next.as_mut() {
                next.previous = entry;
            }
            (*list).first = entry;
            announce(REGISTER, entry);
        }
        // SAFETY: just made.
        Registration { entry: unsafe { NonNull::new_unchecked(entry) }, file }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let entry = self.entry.as_ptr();
        // SAFETY: as in `new`; the entry is in the list.
        unsafe {
            let (next, previous) = ((*entry).next, (*entry).previous);
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => __jit_debug_descriptor.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            announce(UNREGISTER, entry);
            drop(Box::from_raw(entry));
        }
    }
}

unsafe fn announce(action: u32, entry: *mut Entry) {
    // SAFETY: the caller holds the GIL. The writes are volatile because only the debugger reads them.
    unsafe {
        let list = &raw mut __jit_debug_descriptor;
        (&raw mut (*list).relevant).write_volatile(entry);
        (&raw mut (*list).action).write_volatile(action);
    }
    __jit_debug_register_code();
    // SAFETY: as above.
    unsafe {
        let list = &raw mut __jit_debug_descriptor;
        (&raw mut (*list).action).write_volatile(0);
        (&raw mut (*list).relevant).write_volatile(ptr::null_mut());
    }
}

/// Sections by number (the first is none), and their names.
const TEXT: u16 = 1;
const STRINGS: u32 = 4;
const SECTION_NAMES: &[u8] = b"\0.text\0.eh_frame\0.symtab\0.strtab\0";
const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;
const SECTIONS: usize = 5;

/// One row of the table of sections (Elf64_Shdr).
#[derive(Clone, Copy, Default)]
struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
    information: u32,
    row_size: u64,
}

/// An ELF file of an x86-64 program that has a piece of code at its address, one function symbol, and call frame information.
fn object_file(name: &str, address: u64, length: u64, frames: &[u8]) -> Vec<u8> {
    const NO_BITS: u32 = 8;
    const PROGRAM_BITS: u32 = 1;
    const SYMBOLS: u32 = 2;
    const TEXTS: u32 = 3;
    const ALLOCATED: u64 = 2;
    const EXECUTABLE: u64 = 4;
    const GLOBAL_FUNCTION: u8 = 0x12;
    let frames = relocated(frames, address);
    // One table of strings: names of sections, then the symbol's.
    let mut strings = SECTION_NAMES.to_vec();
    let symbol_name = strings.len() as u32;
    strings.extend(name.bytes().filter(|&byte| byte != 0));
    strings.push(0);
    let mut symbols = vec![0; 24];
    symbols.extend(symbol_name.to_le_bytes());
    symbols.extend([GLOBAL_FUNCTION, 0]);
    symbols.extend(TEXT.to_le_bytes());
    symbols.extend(address.to_le_bytes());
    symbols.extend(length.to_le_bytes());

    let frames_offset = FILE_HEADER + SECTION_HEADER * SECTIONS;
    let symbols_offset = frames_offset + frames.len().next_multiple_of(8);
    let strings_offset = symbols_offset + symbols.len();
    let name_of = |wanted: &str| {
        let mut position = 0;
        for text in SECTION_NAMES.split(|&byte| byte == 0) {
            if text == wanted.as_bytes() {
                return position;
            }
            position += text.len() as u32 + 1;
        }
        0
    };
    let sections: [Section; SECTIONS] = [
        Section::default(),
        Section {
            name: name_of(".text"),
            kind: NO_BITS,
            flags: ALLOCATED | EXECUTABLE,
            address,
            offset: frames_offset as u64,
            size: length,
            ..Section::default()
        },
        Section {
            name: name_of(".eh_frame"),
            kind: PROGRAM_BITS,
            flags: ALLOCATED,
            offset: frames_offset as u64,
            size: frames.len() as u64,
            ..Section::default()
        },
        Section {
            name: name_of(".symtab"),
            kind: SYMBOLS,
            offset: symbols_offset as u64,
            size: symbols.len() as u64,
            link: STRINGS,
            information: 1,
            row_size: 24,
            ..Section::default()
        },
        Section { name: name_of(".strtab"), kind: TEXTS, offset: strings_offset as u64, size: strings.len() as u64, ..Section::default() },
    ];

    let mut file = Vec::with_capacity(strings_offset + strings.len());
    // ELF, 64 bits, little endian, version 1; an executable (2) for x86-64 (62), so that addresses are taken as they are.
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2_u16, 62] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    for word in [0, 0, FILE_HEADER as u64] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [FILE_HEADER as u16, 0, 0, SECTION_HEADER as u16, SECTIONS as u16, STRINGS as u16] {
        file.extend(half.to_le_bytes());
    }
    for row in sections {
        for half in [row.name, row.kind] {
            file.extend(half.to_le_bytes());
        }
        for word in [row.flags, row.address, row.offset, row.size] {
            file.extend(word.to_le_bytes());
        }
        for half in [row.link, row.information] {
            file.extend(half.to_le_bytes());
        }
        for word in [8, row.row_size] {
            file.extend(word.to_le_bytes());
        }
    }
    file.extend(&frames);
    file.resize(symbols_offset, 0);
    file.extend(&symbols);
    file.extend(&strings);
    file
}

/// Call frame information for the code at its address: code generation made it for address 0 (addresses are whole words).
fn relocated(frames: &[u8], address: u64) -> Vec<u8> {
    let mut frames = frames.to_vec();
    let word = |bytes: &[u8], position: usize| bytes.get(position..position + 4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let mut position = 0;
    while let (Some(size), Some(parent)) = (word(&frames, position), word(&frames, position + 4)) {
        if size == 0 {
            break;
        }
        // A common entry has no parent; the others name the address behind it.
        if parent != 0
            && let Some(start) = frames.get_mut(position + 8..position + 16)
        {
            start.copy_from_slice(&address.to_le_bytes());
        }
        position += 4 + size as usize;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debuggers_are_told_and_told_again() {
        let entries = || {
            let mut found = Vec::new();
            // SAFETY: the list's entries live; only this test touches it.
            unsafe {
                let mut entry = __jit_debug_descriptor.first;
                while !entry.is_null() {
                    found.push((*entry).file as usize);
                    entry = (*entry).next;
                }
            }
            found
        };
        let memory = CodeMemory::new(&[0xC3]).expect("memory");
        // SAFETY: only this test touches the list.
        let (first, second, third) =
            unsafe { (Registration::new("a", &memory, &[]), Registration::new("b", &memory, &[]), Registration::new("c", &memory, &[])) };
        assert_eq!(entries().len(), 3);
        drop(second);
        assert_eq!(entries(), [third.file.as_ptr() as usize, first.file.as_ptr() as usize]);
        drop(third);
        drop(first);
        assert!(entries().is_empty());
    }

    #[test]
    fn the_file_has_the_symbol_and_the_frames() {
        // A common entry of four bytes, an entry of sixteen.
        let frames = [4, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0];
        let file = object_file("py::f", 0x1234_5678_9ABC, 9, &frames);
        assert_eq!(&file[..4], b"\x7fELF");
        assert!(file.ends_with(b"py::f\0"));
        let start = FILE_HEADER + SECTION_HEADER * SECTIONS;
        assert_eq!(file[start + 16..start + 24], 0x1234_5678_9ABC_u64.to_le_bytes());
        assert_eq!(file[start..start + 16], frames[..16]);
    }
}

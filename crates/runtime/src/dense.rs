//! Words that are written again and again (counts, headers of compiled code) lie side by side, apart from everything else: after a fork every page that parent or
//! child writes is copied, and boxes of their own would be spread over most pages of the heap.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// The unit in which the system copies memory.
const PAGE: usize = 4096;

/// The free places for values of one type. Pages are never given back.
#[derive(Debug)]
pub(crate) struct Places {
    free: Mutex<Vec<usize>>,
}

impl Places {
    pub(crate) const fn new() -> Places {
        Places { free: Mutex::new(Vec::new()) }
    }

    fn take(&self, size: usize) -> NonNull<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let layout = Layout::from_size_align(PAGE, PAGE).expect("a page is a valid layout");
            // SAFETY: the layout has a size.
            let page = unsafe { alloc_zeroed(layout) } as usize;
            if page == 0 {
                handle_alloc_error(layout);
            }
            free.extend((0..PAGE / size).rev().map(|index| page + index * size));
        }
        let place = free.pop().expect("a page has places");
        NonNull::new(place as *mut u8).expect("places are no null pointers")
    }

    fn give_back(&self, place: NonNull<u8>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(place.as_ptr() as usize);
    }
}

/// What can lie so.
pub(crate) trait Dense: Sized + 'static {
    /// Where.
    fn places() -> &'static Places;
}

impl Dense for u64 {
    fn places() -> &'static Places {
        static PLACES: Places = Places::new();
        &PLACES
    }
}

/// A box whose value lies among others of its type.
#[derive(Debug)]
pub(crate) struct Placed<T: Dense>(NonNull<T>);

impl<T: Dense> Placed<T> {
    const SIZE: usize = size_of::<T>().next_multiple_of(align_of::<T>());

    pub(crate) fn new(value: T) -> Placed<T> {
        const { assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE && align_of::<T>() <= PAGE) };
        let place = T::places().take(Placed::<T>::SIZE).cast::<T>();
        // SAFETY: a free place of the size, aligned because pages and sizes are.
        unsafe { place.write(value) };
        Placed(place)
    }

    /// The address.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }
}

impl<T: Dense> Deref for Placed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the place is this box's.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Dense> DerefMut for Placed<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the place is this box's.
        unsafe { self.0.as_mut() }
    }
}

impl<T: Dense> Drop for Placed<T> {
    fn drop(&mut self) {
        // SAFETY: the value is not used any more.
        unsafe { self.0.drop_in_place() };
        T::places().give_back(self.0.cast());
    }
}

/// A count, used with the GIL held.
#[derive(Debug)]
pub(crate) struct Count(Placed<u64>);

impl Count {
    pub(crate) fn new() -> Count {
        Count(Placed::new(0))
    }

    pub(crate) fn get(&self) -> u64 {
        // SAFETY: nobody has a reference to the word.
        unsafe { self.0.0.read() }
    }

    pub(crate) fn set(&self, value: u64) {
        // SAFETY: as above.
        unsafe { self.0.0.write(value) };
    }

    pub(crate) fn replace(&self, value: u64) -> u64 {
        let old = self.get();
        self.set(value);
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_share_pages_and_places_are_used_again() {
        let counts: Vec<Count> = (0..512).map(|_| Count::new()).collect();
        for (index, count) in counts.iter().enumerate() {
            assert_eq!(count.get(), 0);
            count.set(index as u64);
        }
        assert!(counts.iter().enumerate().all(|(index, count)| count.get() == index as u64));
        let mut pages: Vec<usize> = counts.iter().map(|count| count.0.address() / PAGE).collect();
        pages.dedup();
        assert!(pages.len() <= 2);
        let last = counts.last().expect("there are some").0.address();
        drop(counts);
        assert_eq!(Count::new().0.address(), last);
        assert_eq!(Count::new().replace(3), 0);
    }
}

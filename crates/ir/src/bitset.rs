//! Dense sets of entities, as the data-flow analyses need them.

use crate::entity::{Block, InstructionId, Value};
use std::marker::PhantomData;

/// An entity that is an index.
pub trait Entity: Copy {
    /// The position in its table.
    fn position(self) -> usize;
    /// The entity at a position.
    fn at(position: usize) -> Self;
}

macro_rules! entity {
    ($($name:ident),*) => { $(
        impl Entity for $name {
            #[inline]
            fn position(self) -> usize {
                self.index()
            }
            #[inline]
            fn at(position: usize) -> Self {
                $name::from_index(position)
            }
        }
    )* };
}

entity!(Block, InstructionId, Value);

/// A set of entities; grows as needed.
#[derive(Clone, Debug)]
pub struct EntitySet<E> {
    words: Vec<u64>,
    entity: PhantomData<E>,
}

impl<E> Default for EntitySet<E> {
    #[inline]
    fn default() -> Self {
        EntitySet { words: Vec::new(), entity: PhantomData }
    }
}

impl<E: Entity> EntitySet<E> {
    /// An empty set with room for entities below a bound.
    #[must_use]
    #[inline]
    pub fn with_capacity(bound: usize) -> Self {
        EntitySet { words: vec![0; bound.div_ceil(64)], entity: PhantomData }
    }

    /// Whether it has an entity.
    #[must_use]
    #[inline]
    pub fn contains(&self, entity: E) -> bool {
        let position = entity.position();
        self.words.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 != 0)
    }

    /// Adds an entity; whether it is new.
    #[inline]
    pub fn insert(&mut self, entity: E) -> bool {
        let position = entity.position();
        if position / 64 >= self.words.len() {
            self.words.resize(position / 64 + 1, 0);
        }
        let word = &mut self.words[position / 64];
        let old = *word;
        *word |= 1 << (position % 64);
        old != *word
    }

    /// Takes an entity out; whether it was in.
    #[inline]
    pub fn remove(&mut self, entity: E) -> bool {
        let position = entity.position();
        let Some(word) = self.words.get_mut(position / 64) else { return false };
        let old = *word;
        *word &= !(1 << (position % 64));
        old != *word
    }

    /// Adds all of another set; whether anything was new.
    #[inline]
    pub fn extend_from(&mut self, other: &Self) -> bool {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        let mut changed = false;
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            changed |= more & !*word != 0;
            *word |= more;
        }
        changed
    }

    /// Whether nothing is in it.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many are in it.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Its entities, ascending.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = E> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| in_word(index, word))
    }

    /// Its entities that are not in another set, ascending.
    #[inline]
    pub fn iter_without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = E> + 'a {
        self.words.iter().enumerate().flat_map(|(index, &word)| in_word(index, word & !other.words.get(index).copied().unwrap_or(0)))
    }
}

/// The entities that a word stands for.
#[inline]
fn in_word<E: Entity>(index: usize, word: u64) -> impl Iterator<Item = E> {
    let mut rest = word;
    std::iter::from_fn(move || {
        (rest != 0).then(|| {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            E::at(index * 64 + bit)
        })
    })
}

impl<E: Entity> PartialEq for EntitySet<E> {
    fn eq(&self, other: &Self) -> bool {
        let length = self.words.len().max(other.words.len());
        (0..length).all(|index| self.words.get(index).unwrap_or(&0) == other.words.get(index).unwrap_or(&0))
    }
}

impl<E: Entity> FromIterator<E> for EntitySet<E> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = E>>(entities: I) -> Self {
        let mut set = EntitySet::default();
        for entity in entities {
            set.insert(entity);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_removes_and_lists() {
        let mut set: EntitySet<Value> = [3, 64, 200].into_iter().map(Value).collect();
        assert!(set.contains(Value(64)) && !set.contains(Value(65)) && !set.contains(Value(9999)));
        assert!(!set.insert(Value(3)) && set.remove(Value(3)) && !set.remove(Value(3)));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Value(64), Value(200)]);
        let mut other = EntitySet::with_capacity(10);
        assert!(other.extend_from(&set) && !other.extend_from(&set));
        assert_eq!((other.len(), other == set, other.is_empty()), (2, true, false));
    }
}

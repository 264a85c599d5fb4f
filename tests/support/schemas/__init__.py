"""What is read and made from types and published vectors: strategies, wire types, keys, official files."""
